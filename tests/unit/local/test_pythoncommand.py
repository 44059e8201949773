from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from poscloud.local.environment import pulumi_environment
from poscloud.local.paths import ProjectPaths
from poscloud.local.pythoncommand import QUESTION, python_command, write_python_command


@pytest.fixture
def command(tmp_path: Path) -> Path:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    paths = ProjectPaths(tmp_path)
    paths.prepare()
    write_python_command(paths, built_here=True)
    return python_command(paths)


def test_it_answers_as_pip_does(command: Path) -> None:
    def pulumi_packages(python: str) -> set[tuple[str, str, str]]:
        answer = subprocess.check_output([python, *QUESTION.split()], text=True)
        rows = json.loads(answer)
        return {
            (r["name"].replace("-", "_"), r["version"], r["location"].rstrip("/"))
            for r in rows
            if r["name"].startswith("pulumi")
        }

    assert pulumi_packages(str(command)) == pulumi_packages(
        str(command.parents[2] / ".venv" / "bin" / "python")
    )


def test_it_asks_again_when_packages_changed(command: Path) -> None:
    kept = command.parent / "pulumi-packages.json"
    subprocess.check_call([command, *QUESTION.split()], stdout=subprocess.DEVNULL)
    kept.write_text("kept")
    ahead = kept.stat().st_mtime + 10
    os.utime(kept, (ahead, ahead))
    assert subprocess.check_output([command, *QUESTION.split()], text=True) == "kept"
    os.utime(kept, (1, 1))
    assert "pulumi" in subprocess.check_output([command, *QUESTION.split()], text=True)
    assert "pulumi" in kept.read_text()


def test_everything_else_is_python_itself(command: Path) -> None:
    program = "import sys; print(sys.prefix, sys.argv[1:])"
    answer = subprocess.check_output([command, "-c", program, "-m", "pip list"], text=True)
    assert answer == f"{command.parents[2] / '.venv'} ['-m', 'pip list']\n"


def test_an_official_host_is_left_alone(command: Path) -> None:
    paths = ProjectPaths(command.parents[2])
    assert pulumi_environment(paths)["PULUMI_PYTHON_CMD"] == str(command)
    write_python_command(paths, built_here=False)
    assert "PULUMI_PYTHON_CMD" not in pulumi_environment(paths)
