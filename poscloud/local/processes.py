"""Starting, recognising and ending the processes of the control plane.

A process number alone proves nothing: the kernel gives it out again. A process is *ours* only when its start
time is the recorded one, or when its command line names our own cluster folder.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LINUX = (PROC / "self" / "stat").exists()


@dataclass(frozen=True)
class Process:
    """One process, told apart from any later one with the same number.

    Attributes:
        pid: Its number.
        started: Its start time in the system's own unit; only ever compared.
    """

    pid: int
    started: str


def _stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/PID/stat`` after the program's name, which may itself hold blanks."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None


def _ps(pid: int, column: str) -> str:
    done = subprocess.run(
        ["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def start_time(pid: int) -> str | None:
    """When the process started, or ``None`` if there is none that still runs (a zombie does not)."""
    if LINUX:
        fields = _stat(pid)
        return None if fields is None or fields[0] in "ZX" else fields[19]
    return _ps(pid, "lstart") or None


def alive(process: Process) -> bool:
    """Whether exactly this process still runs."""
    return start_time(process.pid) == process.started


def uptime(process: Process) -> float | None:
    """For how many seconds it has been running."""
    if not LINUX or not alive(process):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(process.started) / ticks)


def resident_memory(process: Process) -> int:
    """Resident bytes of the process; 0 when it does not run."""
    if not alive(process):
        return 0
    try:
        if LINUX:
            pages = (PROC / str(process.pid) / "statm").read_text().split()[1]
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
        return int(_ps(process.pid, "rss") or 0) * 1024
    except (OSError, IndexError):
        return 0


def command_line(pid: int) -> list[str]:
    """The arguments of a process; empty when it is gone or not ours to see."""
    if LINUX:
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        except OSError:
            return []
    return _ps(pid, "command").split()


def find(program: str, marker: str) -> Process | None:
    """A running process of this program that has ``marker`` in one of its arguments.

    This finds what a set-up started that was killed before it could write down the number.
    """
    if LINUX:
        pids = [int(entry) for entry in os.listdir(PROC) if entry.isdigit()]
    else:
        listed = subprocess.run(["ps", "-axo", "pid="], capture_output=True, text=True, check=False)
        pids = [int(line) for line in listed.stdout.split()]
    for pid in pids:
        arguments = command_line(pid)
        if (
            arguments
            and os.path.basename(arguments[0]) == program
            and any(marker in a for a in arguments[1:])
        ):
            started = start_time(pid)
            if started is not None:
                return Process(pid, started)
    return None


def start(command: Sequence[str], *, log: Path, cwd: Path, env: dict[str, str]) -> Process:
    """Start a process that lives on when this one ends: its own session, no terminal, output to a log.

    A shell in between starts it and ends, so that it belongs to the system's first process and never becomes
    our zombie.
    """
    script = '"$@" </dev/null >>"$POSCLOUD_LOG" 2>&1 & echo $!'
    launched = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *command],
        cwd=cwd, env={**env, "POSCLOUD_LOG": str(log)}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    pid = int(launched.stdout)
    return Process(pid, start_time(pid) or "ended")


def signal_all(processes: Sequence[Process], number: signal.Signals) -> None:
    """Send a signal to those that still are what they were."""
    for process in processes:
        if alive(process):
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                continue


def stop(processes: Sequence[Process], *, grace: float) -> list[Process]:
    """Ask to end, and end by force what did not within ``grace`` seconds; returns what had to be forced."""
    signal_all(processes, signal.SIGTERM)
    if _gone(processes, grace):
        return []
    forced = [process for process in processes if alive(process)]
    signal_all(forced, signal.SIGKILL)
    _gone(forced, 2.0)
    return forced


def _gone(processes: Sequence[Process], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    for process in processes:
        while alive(process):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            _await_exit(process.pid, min(left, 0.5))
    return True


def _await_exit(pid: int, timeout: float) -> None:
    """Return when the process ends or the time is over; the kernel wakes us where it can."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        time.sleep(min(timeout, 0.02))
        return
    try:
        if select.select([descriptor], [], [], timeout)[0]:
            # Ended, but perhaps a zombie until its parent looks; start_time() sees through that.
            return
    finally:
        os.close(descriptor)


def wait_until(condition: Callable[[], bool], *, timeout: float, interval: float = 0.05) -> bool:
    """Ask again and again until it holds; ``False`` when it did not within the time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def oom_kills() -> int:
    """How many processes the kernel has killed for lack of memory since it started; 0 when it does not say."""
    try:
        for line in (PROC / "vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
