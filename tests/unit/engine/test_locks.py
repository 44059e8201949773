from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from poscloud.engine.locks import release_stale_locks
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths

Write = Callable[..., Path]


@pytest.fixture
def paths(tmp_path: Path) -> ProjectPaths:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return ProjectPaths(tmp_path)


@pytest.fixture
def write_lock(paths: ProjectPaths) -> Write:
    def write(pid: int, host: str = socket.gethostname()) -> Path:
        file = paths.state / ".pulumi" / "locks" / "organization" / "shop" / "dev" / "x.json"
        file.parent.mkdir(parents=True)
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
    assert str(released).startswith(
        f"pid {released.pid} of alice on {socket.gethostname()}, since 2026-11-21T12:03"
    )


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


def test_a_living_run_is_left_alone_and_named(paths: ProjectPaths, write_lock: Write, tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\nread line\n")
    program.chmod(0o755)
    running = subprocess.Popen([str(program)], stdin=subprocess.PIPE)
    try:
        file = write_lock(running.pid)
        with pytest.raises(DeployError, match=rf"stack dev is in use by pid {running.pid} of alice"):
            release_stale_locks(paths, "dev")
        assert file.exists()
    finally:
        running.kill()
        running.wait()


def test_a_lock_of_another_machine_is_never_released(paths: ProjectPaths, write_lock: Write) -> None:
    file = write_lock(ended_pid(), host="elsewhere")
    with pytest.raises(DeployError, match="elsewhere"):
        release_stale_locks(paths, "dev")
    assert file.exists()


def test_a_damaged_lock_is_shown_and_kept(paths: ProjectPaths, write_lock: Write) -> None:
    file = write_lock(os.getpid())
    file.write_text("{")
    with pytest.raises(DeployError, match="is not a lock the engine writes"):
        release_stale_locks(paths, "dev")
    assert file.exists()
