from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.local import ports, processes
from poscloud.local.processes import Process, wait_until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def started(tmp_path: Path, log: Path) -> Iterator[Process]:
    (tmp_path / "sleeper").symlink_to("/bin/sleep")
    process = processes.start([str(tmp_path / "sleeper"), "60"], log=log, cwd=tmp_path, env={"PATH": "/bin"})
    yield process
    processes.signal_all([process], signal.SIGKILL)


def test_a_started_process_is_its_own_session_and_no_child(started: Process) -> None:
    assert processes.alive(started)
    assert os.getsid(started.pid) != os.getsid(0)
    with pytest.raises(ChildProcessError):
        os.waitpid(started.pid, os.WNOHANG)


def test_stopping(started: Process) -> None:
    began = time.monotonic()
    assert processes.stop([started], grace=5) == []
    assert time.monotonic() - began < 2
    assert not processes.alive(started)
    assert processes.resident_memory(started) == 0


def test_what_does_not_end_is_ended_by_force(tmp_path: Path, log: Path) -> None:
    script = tmp_path / "stubborn"
    script.write_text("#!/bin/sh\ntrap '' TERM\necho ready\nwhile :; do sleep 1; done\n")
    script.chmod(0o755)
    process = processes.start([str(script)], log=log, cwd=tmp_path, env={"PATH": "/bin:/usr/bin"})
    assert wait_until(lambda: log.read_text() == "ready\n", timeout=5)
    assert processes.stop([process], grace=0.2) == [process]
    assert not processes.alive(process)


def test_a_number_given_out_again_is_not_ours(started: Process) -> None:
    later = Process(started.pid, "1")
    assert not processes.alive(later)
    processes.signal_all([later], signal.SIGKILL)
    processes.stop([later], grace=0.1)
    assert processes.alive(started)


def test_a_zombie_does_not_run() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    assert wait_until(lambda: processes.start_time(child.pid) is None, timeout=5)
    child.wait()


def test_finding_what_was_never_written_down(started: Process) -> None:
    assert processes.find("sleeper", "60") == started
    assert processes.find("sleeper", "no such argument") is None
    assert processes.find("another", "60") is None


def test_memory_and_uptime(started: Process) -> None:
    assert processes.resident_memory(started) > 0
    assert 0 <= (processes.uptime(started) or 0) < 60


def test_output_goes_to_the_log(tmp_path: Path, log: Path) -> None:
    processes.start(["/bin/sh", "-c", "echo out; echo err >&2"], log=log, cwd=tmp_path, env={})
    assert wait_until(lambda: log.exists() and log.read_text() == "out\nerr\n", timeout=5)


def test_a_taken_port_and_its_owner() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.owner(port).endswith(f"(process {os.getpid()})")
    assert ports.is_free(port)
    assert ports.owner(port) == ""


def test_a_port_taken_on_all_addresses_is_taken_here_too() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert not ports.is_free(server.getsockname()[1])


def test_a_free_port() -> None:
    assert ports.is_free(ports.free_port())
