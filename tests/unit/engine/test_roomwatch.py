"""Ending a run whose state cannot be written: what is kept, and that it is ended."""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from poscloud.engine import roomwatch
from poscloud.engine.inventory import Inventory, Item
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.roomwatch import RoomWatch, StateLostError, unwritable, watching
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths
from tests.unit.engine.test_statefile import state

CUT = state("one", "two")[:40]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    found = ProjectPaths(tmp_path).state / ".pulumi" / "stacks" / "shop" / "dev.json"
    found.parent.mkdir(parents=True)
    found.write_text(state("one", "two"))
    return found


@pytest.fixture
def watch(tmp_path: Path, file: Path) -> RoomWatch:
    """One that has seen the state whole, before it was cut off together with its backup."""
    watch = RoomWatch(ProjectPaths(tmp_path), "dev")
    watch.remember(file)
    file.write_text(CUT)
    file.with_name("dev.json.bak").write_text(CUT)
    watch.remember(file)
    return watch


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(roomwatch.tempfile, "tempdir", str(folder))
    return folder


def test_the_last_whole_state_is_put_back(watch: RoomWatch, file: Path) -> None:
    assert watch.put_back(file) == file
    assert file.read_text() == state("one", "two")


def test_a_whole_state_is_left(watch: RoomWatch, file: Path) -> None:
    file.write_text(state("three"))
    assert watch.put_back(file) == file
    assert file.read_text() == state("three")


def test_without_room_for_a_second_file_what_was_cut_off_is_overwritten(
    watch: RoomWatch, file: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roomwatch, "write_private", no_room)
    inode = file.stat().st_ino
    assert watch.put_back(file) == file
    assert file.read_text() == state("one", "two")
    assert file.stat().st_ino == inode
    assert not list(elsewhere.iterdir())


def test_without_room_for_it_at_all_it_is_elsewhere(
    watch: RoomWatch, file: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = roomwatch.write_private
    monkeypatch.setattr(roomwatch, "write_private", lambda f, c: no_room() if f == file else real(f, c))
    monkeypatch.setattr(roomwatch, "_overwrite", no_room)
    now = watch.put_back(file)
    assert now.is_relative_to(elsewhere)
    assert now.read_text() == state("one", "two")


def test_when_it_is_lost_the_newest_backup_is_named(
    watch: RoomWatch, file: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = file.parents[2] / "backups" / "shop" / "dev"
    runs.mkdir(parents=True)
    (runs / "dev.1.json").write_text(state("one"))
    monkeypatch.setattr(roomwatch, "write_private", no_room)
    monkeypatch.setattr(roomwatch, "_overwrite", no_room)
    with pytest.raises(
        StateLostError, match=r"is lost.*No space left.*backups/shop/dev/dev\.1\.json"
    ) as lost:
        watch.put_back(file)
    assert "poscloud state restore -s dev" in lost.value.hint
    assert file.exists()
    assert not list(elsewhere.iterdir())


def test_an_engine_that_has_just_ended_or_an_unreadable_lock_keeps_no_round_from_coming(
    watch: RoomWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def locks(*_: object) -> list[SimpleNamespace]:
        if not sent:
            sent.append(0)
            raise DeployError("the disk is full")
        return [SimpleNamespace(pid=7, status="alive")]

    def kill(pid: int, number: int) -> None:
        sent.append(number)
        raise ProcessLookupError

    monkeypatch.setattr(roomwatch, "STOP_SECONDS", 0.01)
    monkeypatch.setattr(roomwatch, "locks_of", locks)
    monkeypatch.setattr(roomwatch, "parent_of", lambda _: os.getpid())
    monkeypatch.setattr(roomwatch.os, "kill", kill)
    watch._end()
    assert sent == [0, signal.SIGKILL]


def test_only_an_engine_that_this_process_started_is_ended(
    watch: RoomWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(roomwatch, "STOP_SECONDS", 0.01)
    engines = [
        SimpleNamespace(pid=pid, status=status) for pid, status in ((7, "alive"), (8, "alive"), (9, "?"))
    ]
    monkeypatch.setattr(roomwatch, "locks_of", lambda *_: engines)
    monkeypatch.setattr(roomwatch, "parent_of", lambda pid: 1 if pid == 8 else os.getpid())
    monkeypatch.setattr(roomwatch.os, "kill", lambda pid, number: sent.append((pid, number)))
    watch._end()
    assert sent == [(7, signal.SIGINT), (7, signal.SIGKILL)]


def test_room_is_tried_without_posix_fallocate(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    assert unwritable(file) == ""
    assert unwritable(file.with_name("new.json")) == ""


def test_a_run_without_room_is_ended_and_what_is_not_recorded_is_listed(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"urn": "urn:s", "type": "kubernetes:core/v1:Secret", "id": "dev/known"}
    file.write_text(state().replace("[]", f"[{secret}]".replace("'", '"')))
    there = [Item("Secret", f"dev/{name}", "shop/dev", False, "/", "u") for name in ("known", "new")]
    monkeypatch.setattr(roomwatch, "take", lambda *_: Inventory({i.key: i for i in there}, "shop/dev"))
    monkeypatch.setattr(roomwatch, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(roomwatch, "STOP_SECONDS", 0.001)
    monkeypatch.setattr(roomwatch, "locks_of", lambda *_: [])
    monkeypatch.setattr(roomwatch, "unwritable", lambda _: "No space left on device")
    ended = threading.Event()
    real = RoomWatch._end
    monkeypatch.setattr(RoomWatch, "_end", lambda self: (real(self), ended.set()))
    pulumi = SimpleNamespace(paths=ProjectPaths(tmp_path), root=tmp_path)
    with (
        pytest.raises(DeployError, match=r"not recorded: Secret dev/new$"),
        watching(cast(Pulumi, pulumi), cast(Kubectl, None), "dev"),
    ):
        assert ended.wait(30)
