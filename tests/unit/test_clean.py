"""make clean: what opens secrets that are kept elsewhere stays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.parametrize(
    ("file", "text", "kept"),
    [
        ("Pulumi.dev.yaml", "config: {}\n", False),
        ("Pulumi.dev.yaml", "encryptionsalt: v1:fake\n", True),
        (".poscloud/rotation/new", "a-fake-one\n", True),
        (".poscloud/state/.pulumi/stacks/poscloud/dev.json", " " * 2000, True),
        (".poscloud/archive/dev/2026-11-22T03-50-00.000Z/manifest.json", "{}", True),
    ],
)
def test_the_passphrase_stays_where_something_needs_it(
    tmp_path: Path, file: str, text: str, kept: bool
) -> None:
    passphrase, cluster = tmp_path / ".poscloud/passphrase", tmp_path / ".poscloud/cluster/etcd"
    cluster.mkdir(parents=True)
    passphrase.write_text("a-fake-one\n")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    ready = tmp_path / "ready"
    command = [
        "make",
        "-s",
        "-f",
        str(MAKEFILE),
        "clean",
        "POSCLOUD=true",
        f"READY={ready}",
        "-o",
        str(ready),
    ]
    ready.touch()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert passphrase.exists() == kept
    assert (tmp_path / file).exists() == (kept or not file.startswith(".poscloud"))
    assert not cluster.exists()
    assert ("kept:" in done.stdout) == kept
