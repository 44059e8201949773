"""The README's commands, run as they stand in a fresh clone."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workspace import ROOT

pytestmark = pytest.mark.e2e

ELSEWHERE = {"make test"}
"""Commands of the README that are not run here: this test is part of `make test` itself."""


def commands() -> list[str]:
    """Return the lines of the README's shell blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line not in ELSEWHERE]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of everything under version control as it is in the working tree, and nothing else."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = [name for name in listed.decode().split("\0") if name and (ROOT / name).exists()]
    subprocess.run(
        ["tar", "-C", str(folder), "-xf", "-"],
        input=subprocess.run(
            ["tar", "-C", str(ROOT), "-cf", "-", *names], capture_output=True, check=True
        ).stdout,
        check=True,
    )
    yield folder
    subprocess.run(["make", "clean"], cwd=folder, check=False, capture_output=True)


def test_the_commands_of_the_readme_work_in_order(clone: Path) -> None:
    lines = commands()
    assert lines[0] == "make up"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "VIRTUAL_ENV"))}
    # One shell for all of them, as a reader would have; each says what it is, so that a failure names it.
    script = "set -e\n" + "\n".join(f"echo '>>> {line}'\n{line}" for line in lines)
    done = subprocess.run(
        ["sh", "-c", script], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    output = dict(re.findall(r">>> (.*)\n((?:(?!>>> ).*\n?)*)", done.stdout))
    assert output["kubectl get pods -n wbyh-stage"].count("Running") == 25
    assert "92 unchanged" in output["pulumi up --yes -s wbyh-stage"]
    assert "nothing is left of wbyh-stage" in done.stderr
    assert not list(clone.glob("pulumi-*")), "nothing is left beside what is ignored"
