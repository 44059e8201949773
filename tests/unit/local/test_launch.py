"""What a program is started with is not to be read in the listing of processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
import os, subprocess, sys
print(os.environ["PULUMI_CONFIG"])
print(open("/proc/self/environ").read().replace(chr(0), " "))
print(subprocess.run(["env"], capture_output=True, text=True).stdout)
print(sys.argv, sys.path[0], __name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_program_has_its_configuration_and_nobody_else_sees_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-c", "from poscloud.local.launch import launch; launch()", str(script), "--word"],
        env={"PULUMI_CONFIG": '{"a": "fake-word"}', "KEPT": "yes"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("fake-word") == 1
    assert done.stdout.splitlines()[0] == '{"a": "fake-word"}'
    assert done.stdout.count("KEPT=yes") == 2, "only that one variable"
    assert done.stdout.splitlines()[-1] == f"{[str(script), '--word']} {tmp_path} __main__"


def test_a_program_that_is_interrupted_says_nothing(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-c", "from poscloud.local.launch import launch; launch()", str(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
