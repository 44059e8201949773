"""The program's own tests: the table of names, the registry, finding cgroups."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from poscloud.local import golang
from poscloud.local.build import environment
from poscloud.local.progress import SilentReporter
from poscloud.local.versions import sources

pytestmark = pytest.mark.real


def test_go_tests(tmp_path: Path) -> None:
    go = golang.ensure_go(SilentReporter(), tmp_path / "log")
    command = [str(go.program), "test", "./..."]
    done = subprocess.run(
        command, cwd=sources() / "sandbox", env=environment(go), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
