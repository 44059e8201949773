from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from poscloud.engine.locks import locks_of, refuse_in_use, release_stale_locks, unlock
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths

Write = Callable[..., Path]


@pytest.fixture
def paths(tmp_path: Path) -> ProjectPaths:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return ProjectPaths(tmp_path)


@pytest.fixture
def write_lock(paths: ProjectPaths) -> Write:
    def write(pid: int, host: str = socket.gethostname(), name: str = "x") -> Path:
        file = paths.state / ".pulumi" / "locks" / "organization" / "shop" / "dev" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        data = {"pid": pid, "username": "alice", "hostname": host, "timestamp": "2026-11-21T12:03:00Z"}
        file.write_text(json.dumps(data))
        return file

    return write


def ended_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_of_a_killed_run_is_released(paths: ProjectPaths, write_lock: Write) -> None:
    file = write_lock(ended_pid())
    (released,) = release_stale_locks(paths, "dev")
    assert not file.exists()
    assert str(released).startswith(f"alice@{socket.gethostname()} pid {released.pid} since 2026-11-21 ")
    assert str(released).endswith("(not running)")


def test_a_pid_that_is_something_else_by_now_is_stale(paths: ProjectPaths, write_lock: Write) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        while not Path(f"/proc/{other.pid}/cmdline").read_bytes():
            pass  # the kernel fills it a moment after the program has taken over
        file = write_lock(other.pid)
        release_stale_locks(paths, "dev")
        assert not file.exists()
    finally:
        other.kill()
        other.wait()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[int]:
    """A running program that is called as the engine is."""
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\nread line\n")
    program.chmod(0o755)
    running = subprocess.Popen([str(program)], stdin=subprocess.PIPE)
    yield running.pid
    running.kill()
    running.communicate()


def test_a_living_run_is_left_alone_and_named(paths: ProjectPaths, write_lock: Write, engine: int) -> None:
    file = write_lock(engine)
    with pytest.raises(
        DeployError, match=rf"stack dev is in use by alice@\S+ pid {engine} since .* \(alive\)"
    ):
        release_stale_locks(paths, "dev")
    with pytest.raises(DeployError, match="is running"):
        unlock(paths, "dev", "x")
    assert file.exists()
    unlock(paths, "dev", "x", force=True)
    assert not file.exists()


def test_a_lock_of_another_machine_is_never_released_but_by_its_id(
    paths: ProjectPaths, write_lock: Write
) -> None:
    file, newer = write_lock(ended_pid(), host="elsewhere"), write_lock(1, host="elsewhere", name="y")
    with pytest.raises(DeployError, match=r"alice@elsewhere .*unknown: on another host"):
        release_stale_locks(paths, "dev")
    with pytest.raises(DeployError, match="has no lock z: x, y"):
        unlock(paths, "dev", "z")
    assert file.exists()
    unlock(paths, "dev", "x")
    assert not file.exists()
    assert newer.exists()


def test_looking_at_a_stale_lock_leaves_it(paths: ProjectPaths, write_lock: Write) -> None:
    file = write_lock(ended_pid())
    (found,) = refuse_in_use(paths, "dev")
    assert found.stale
    assert file.exists()


def test_a_damaged_lock_is_shown_and_kept(paths: ProjectPaths, write_lock: Write) -> None:
    file = write_lock(os.getpid())
    file.write_text("{")
    with pytest.raises(DeployError, match=r"unreadable"):
        release_stale_locks(paths, "dev")
    assert [lock.id for lock in locks_of(paths, "dev")] == ["x"]
    assert file.exists()
