"""What a command costs: wall time, processor time, the memory of everything it started."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.processes import descendants

SAMPLE = 0.2
"""Seconds between two looks at the memory; a look takes 5 ms of a processor."""

PAGE = os.sysconf("SC_PAGE_SIZE")

GROWN = 1.02
"""How much more resident memory there has to be for another exact look, which takes the kernel 5 ms a process."""


@dataclass(frozen=True)
class Usage:
    """The cost of one command.

    Attributes:
        seconds: Wall time.
        cpu: Processor time of it and of all that it started and waited for, in seconds.
        memory: Largest sum of the memory of the whole process tree, in bytes, sampled; what several processes
            share, as libraries, counts once (their proportional set size).
    """

    seconds: float
    cpu: float
    memory: int


class CommandError(Exception):
    """A command that has to succeed did not."""


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    limit: float = 900,
    sample: float = SAMPLE,
) -> Usage:
    """Run a command that has to succeed and return what it cost; its memory is looked at every ``sample`` seconds.

    Raises:
        CommandError: It failed, or took longer than ``limit`` seconds and was killed.
    """
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        peak = _Peak(process.pid, sample)
        killer = threading.Timer(limit, process.kill)
        killer.start()
        with peak:
            _, status, used = os.wait4(process.pid, 0)
        killer.cancel()
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            text = output.read().decode(errors="replace")
            said = text[text.rfind("Diagnostics:") :][:3000] if "Diagnostics:" in text else text[-3000:]
            raise CommandError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Usage(seconds, used.ru_utime + used.ru_stime, peak.bytes)


class _Peak(threading.Thread):
    """Samples the memory of a process and its descendants while the context lasts."""

    def __init__(self, pid: int, sample: float) -> None:
        super().__init__(daemon=True)
        self.bytes, self._pid, self._sample, self._over = 0, pid, sample, threading.Event()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        highest = 0
        while True:
            pids = descendants(self._pid)
            if (together := sum(map(resident, pids))) > highest * GROWN:
                highest = together
                self.bytes = max(self.bytes, sum(map(proportional, pids)))
            if self._over.wait(self._sample):
                return


def resident(pid: int) -> int:
    """Resident memory of a process in bytes; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def proportional(pid: int) -> int:
    """Memory of a process in bytes, of what it shares with others its part; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
