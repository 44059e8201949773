"""Debian's packages: versions, and an apt-get that fails or hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.errors import DeployError
from poscloud.local.nodeimages import apt, programs


@pytest.mark.parametrize(
    ("version", "own"),
    [
        ("5:7.0.15-1~deb12u10", "7.0.15"),
        ("1.22.1-9", "1.22.1"),
        ("12.4+deb12u10", "12.4+deb12u10"),
        ("2:3", "3"),
    ],
)
def test_the_version_of_the_program_in_a_package(version: str, own: str) -> None:
    assert apt.upstream(version) == own


def test_an_apt_that_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "apt-get"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(apt, "TIMEOUT", 0.2)
    assert apt._run(tmp_path, ["update"]) == "    apt-get did not end within 0.2 s\n"


def test_a_program_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "TIMEOUT", 0.2)
    with pytest.raises(DeployError, match=r"jlink did not end within 0\.2 s"):
        programs._run(["sleep", "60"], "jlink")
