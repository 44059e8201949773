"""Commands in simulated containers: off unless somebody says so, and nobody's as root."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from poscloud.local import simulated_exec
from poscloud.local.components import Settings, component
from poscloud.local.controlplane import _set_exec
from poscloud.local.paths import ProjectPaths
from poscloud.local.record import ClusterRecord


def arguments(root: Path, folder: str) -> list[str]:
    kwok = component("kwok")
    assert kwok
    return kwok.command(Settings(ProjectPaths(root), root, 1, 2, 3, folder))


def test_kwok_is_told_only_where_it_is_on(tmp_path: Path) -> None:
    told = [[a for a in arguments(tmp_path, folder) if "kwok-exec" in a] for folder in ("", "/tmp/x")]
    assert (told[0], len(told[1])) == ([], 1)


def test_it_stays_as_it_is_until_somebody_says_otherwise() -> None:
    record = ClusterRecord()
    _set_exec(record, None)
    assert record.exec_folder == ""
    _set_exec(record, True)
    folder = Path(record.exec_folder)
    _set_exec(record, None)
    assert Path(record.exec_folder) == folder and folder.is_dir()
    (folder / "left").write_text("x")
    _set_exec(record, False)
    assert (record.exec_folder, folder.exists()) == ("", False)


def test_a_folder_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    made = simulated_exec.prepare(str(tmp_path / "gone"))
    try:
        mode = Path(made).stat()
        assert stat.S_IMODE(mode.st_mode) == 0o700
        assert mode.st_uid == (simulated_exec.NOBODY if os.geteuid() == 0 else os.geteuid())
    finally:
        simulated_exec.remove(made)


@pytest.mark.parametrize(("user", "given"), [(0, {"runAsUser": 65534, "runAsGroup": 65534}), (1000, None)])
def test_as_root_it_is_nobody(monkeypatch: pytest.MonkeyPatch, user: int, given: object) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    (local,) = (each["local"] for each in simulated_exec.configuration("/tmp/x")["spec"]["execs"])
    assert (local["workDir"], local.get("securityContext")) == ("/tmp/x", given)
