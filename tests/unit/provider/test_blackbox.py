from __future__ import annotations

import os
from pathlib import Path

from poscloud.provider.blackbox import FOLDER, KEPT_SECONDS, BlackBox, forget_dead, of_dead
from tests.unit.engine.test_locks import ended_pid


def test_a_provider_that_died_is_told_by_its_own_engine_only(tmp_path: Path) -> None:
    BlackBox(tmp_path)  # of this very process, which lives
    ended = ended_pid()
    ours, others = (tmp_path / FOLDER / f"provider-{engine}-{ended}.log" for engine in (ended, os.getpid()))
    for file in (ours, others):
        file.touch()
    assert list(of_dead(tmp_path, ended, 0)) == [ours]
    assert not list(of_dead(tmp_path, os.getppid(), 0))
    assert not list(
        of_dead(tmp_path, ended, ours.stat().st_mtime + 1)
    )  # of an engine that had this pid before
    forget_dead(tmp_path)
    assert ours.exists()  # its engine may have ended a moment ago, and be about to be told of
    for file in (ours, others):
        os.utime(file, (0, file.stat().st_mtime - KEPT_SECONDS - 1))
    forget_dead(tmp_path)
    assert not ours.exists()
    assert others.exists()  # its engine lives
