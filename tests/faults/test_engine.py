"""Faults of the run itself: killed, interrupted, twice at once, its state damaged, its disk full."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.arena import Arena, says
from tests.faults.proxy import PASS, Fault, Request

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")


def at_write(arena: Arena, number: int, act: Callable[[], None]) -> None:
    """Do something once, when the nth write from now on comes to the proxy."""
    first, done = arena.proxy.writes(), threading.Event()

    def decide(request: Request) -> Fault:
        if request.write >= first + number and not done.is_set():
            done.set()
            act()
        return PASS

    arena.inject(decide)


def provider_pids(arena: Arena) -> list[int]:
    marker = str(arena.workspace.paths.pulumi_home)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_text()
        except OSError:
            continue
        if marker in line and "resource-kubernetes" in line:
            found.append(int(folder.name))
    return found


@pytest.mark.fault(1)
@pytest.mark.parametrize("number", [1, 4, 7, 10])
def test_the_engine_is_killed(absent: Arena, number: int) -> None:
    process = absent.start("pulumi", "up", "--yes", "--skip-preview")
    at_write(absent, number, lambda: os.kill(process.pid, signal.SIGKILL))
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    done = absent.run(*UP)
    assert done.code == 0, done.text
    says(done, f"pid {process.pid}", "was killed")


@pytest.mark.fault(2)
def test_the_provider_is_killed(absent: Arena) -> None:
    def kill() -> None:
        for pid in provider_pids(absent):
            os.kill(pid, signal.SIGKILL)

    at_write(absent, 4, kill)
    done = absent.run(*UP, limit=60)
    assert done.code > 0, done.text
    says(done)


@pytest.mark.fault(3)
def test_an_interrupt_ends_the_run_in_order(absent: Arena) -> None:
    process = absent.start("pulumi", "up", "--yes", "--skip-preview")
    at_write(absent, 4, lambda: os.kill(process.pid, signal.SIGINT))
    text, _ = process.communicate(timeout=60)
    assert process.returncode not in (0, -signal.SIGKILL), text
    quiet = absent.run("pulumi", "stack", "export")
    assert '"pending_operations"' not in quiet.text
