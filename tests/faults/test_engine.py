"""Faults of the run itself: killed, interrupted, twice at once, its state damaged, its disk full."""

from __future__ import annotations

import os
import pty
import select
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.faults.arena import DESCRIPTION, STACK, Arena, Outcome, says, secrets_in, shows, slowness
from tests.faults.proxy import PASS, Fault, Request

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")
PULUMI_UP = ("pulumi", "up", "--yes", "--skip-preview")


def at_write(arena: Arena, number: int, act: Callable[[], None], delay: float = 0) -> threading.Event:
    """Do something once, when the nth write from now on comes to the proxy, and hold that write back.

    Returns:
        Is set when it is done.
    """
    first, done = arena.proxy.writes(), threading.Event()

    def decide(request: Request) -> Fault:
        if request.write >= first + number and not done.is_set():
            act()
            done.set()
            return Fault(delay=delay)
        return PASS

    arena.inject(decide)
    return done


def pending(arena: Arena) -> str:
    """Return what the scheduler shows about pods that no node takes."""
    pods = arena.workspace.get("pods", "-n", STACK, "--field-selector=status.phase=Pending")["items"]
    return " ".join(c.get("message", "") for p in pods for c in p["status"].get("conditions", []))


def wait_for(condition: Callable[[], bool], terminal: int | None = None, seconds: float = 90) -> None:
    """Wait until something holds; what comes to a terminal meanwhile is thrown away."""
    deadline = time.monotonic() + seconds * slowness()
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        if terminal is not None and select.select([terminal], [], [], 0.1)[0]:
            os.read(terminal, 65536)


def read_all(terminal: int) -> str:
    """Return what a command prints until it ends."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            part = b""
        if not part:
            return b"".join(parts).decode(errors="replace")
        parts.append(part)


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
@pytest.mark.long
@pytest.mark.parametrize("number", [1, 4, 7, 10])
def test_the_engine_is_killed(absent: Arena, number: int) -> None:
    first, several = absent.proxy.writes(), number > 4  # the first four come one after another
    process = absent.start("pulumi", "up", "--yes", "--skip-preview")

    def decide(request: Request) -> Fault:
        """Let the last write be done and its answer come too late; the one before it never arrives."""
        if request.write == first + number:
            return Fault(done=process.kill)
        return Fault(delay=30, drop=True) if several and request.write == first + number - 1 else PASS

    absent.inject(decide)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    absent.passes()
    done = absent.run(*UP)
    shows(done, f"pid {process.pid}", "was killed", "unfinished: ", "(exists → adopted)", code=0)
    if several:
        says(done, "(absent → will be created)")


@pytest.mark.fault(2)
def test_the_provider_is_killed(absent: Arena) -> None:
    def kill() -> None:
        for pid in provider_pids(absent):
            os.kill(pid, signal.SIGKILL)

    at_write(absent, 4, kill)
    done = absent.run(*UP, limit=60)
    shows(done, "Kubernetes provider process died; log at", "run up again", code=4, within=30)
    folder = absent.workspace.paths.pulumi_home / "provider-logs"  # where other tests' dead ones are too
    (log,) = (log for log in folder.glob("*.log") if str(log) in done.text)
    assert f"POST /api/v1/namespaces/{STACK}" in log.read_text()
    assert secrets_in(log.read_text()) == []
    absent.recorded()  # can be read


SLOW_START = "a: {kind: java, node_selector: {no: such-node},"


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("command", "number"), [(UP, signal.SIGINT), (UP, signal.SIGTERM), (PULUMI_UP, signal.SIGINT)]
)
@pytest.mark.long
def test_an_interrupt_ends_the_waits_and_keeps_what_was_begun(
    present: Arena, command: Sequence[str], number: signal.Signals
) -> None:
    present.describe(DESCRIPTION.replace("a: {kind: java,", SLOW_START))
    process = present.start(*command)
    wait_for(lambda: "Insufficient" in pending(present) or "node affinity/selector" in pending(present))
    began = time.monotonic()
    process.send_signal(number)
    text, _ = process.communicate(timeout=60 * slowness())
    done = Outcome(process.returncode, text, time.monotonic() - began)
    interrupted = 130 if command is UP else None
    shows(done, "Stopping: letting 1 requests finish (Ctrl-C again to kill)", code=interrupted, within=5)
    state = present.recorded()
    assert not state.get("pending_operations")
    (a,) = [r for r in state["resources"] if r["urn"].endswith("Deployment::a")]
    assert "not ready" in str(a["initErrors"])


@pytest.mark.long
@pytest.mark.fault(3)
def test_two_interrupts_kill(absent: Arena) -> None:
    process = absent.start(*UP)
    held = at_write(absent, 4, lambda: process.send_signal(signal.SIGINT), delay=20)
    assert held.wait(60 * slowness())
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60 * slowness())
    shows(Outcome(process.returncode, text, time.monotonic() - began), code=130, within=6)


@pytest.mark.long
@pytest.mark.fault(3)
def test_ctrl_c_at_a_terminal_reaches_the_engine_once(present: Arena) -> None:
    present.describe(DESCRIPTION.replace("a: {kind: java,", SLOW_START))
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(present.workspace.root)
        os.execvpe("poscloud", [*UP, "-s", STACK], present.workspace.environment() | present.variables)
    wait_for(lambda: "node affinity/selector" in pending(present), terminal)
    began = time.monotonic()
    os.write(terminal, b"\x03")
    text = read_all(terminal)
    _, status = os.waitpid(pid, 0)
    shown = Outcome(os.waitstatus_to_exitcode(status), text, time.monotonic() - began)
    shows(shown, "Stopping: letting 1 requests finish", code=130, within=5)
    assert not present.recorded().get("pending_operations")
