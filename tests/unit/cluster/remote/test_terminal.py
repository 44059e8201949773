"""A terminal that is as it was afterwards, however a command ends, on a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

HOLD = """
import asyncio, sys
from poscloud.cluster.remote import terminal

async def hold():
    with terminal.ended_by_signals(), terminal.raw():
        {inside}

asyncio.run(hold())
"""
WAIT = 'print("raw", flush=True); await asyncio.sleep(60)'
ECHO = """
        print("raw", flush=True)
        async for part in terminal.read_input():
            await terminal.write(1, part)
            if part.endswith(b"q"):
                break
"""
SIZES = """
        async for columns, rows in terminal.sizes():
            print(columns, rows, flush=True)
            if columns == 133:
                break
"""


class Terminal:
    """A pseudo-terminal, and what runs in it."""

    def __init__(self, inside: str) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (24, 80))
        self.before = termios.tcgetattr(self.slave)
        code = HOLD.format(inside=inside)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE
        )

    def until(self, text: bytes) -> bytes:
        """Return what was written, once it has ``text``."""
        got = b""
        while text not in got:
            ready, _, _ = select.select([self.master], [], [], 20)
            assert ready, got
            got += os.read(self.master, 1000)
        return got

    def resize(self, columns: int, rows: int) -> None:
        termios.tcsetwinsize(self.slave, (rows, columns))
        self.process.send_signal(signal.SIGWINCH)  # it is not this terminal's foreground


@contextmanager
def opened(inside: str) -> Iterator[Terminal]:
    found = Terminal(inside)
    try:
        yield found
        assert termios.tcgetattr(found.slave) == found.before
    finally:
        found.process.kill()
        found.process.communicate()
        os.close(found.master)
        os.close(found.slave)


@pytest.mark.parametrize(
    ("number", "told"), [(signal.SIGTERM, b"ended by SIGTERM"), (signal.SIGHUP, b"the terminal is gone")]
)
def test_a_signal_ends_it_in_order(number: signal.Signals, told: bytes) -> None:
    with opened(WAIT) as terminal:
        terminal.until(b"raw")
        assert termios.tcgetattr(terminal.slave) != terminal.before
        terminal.process.send_signal(number)
        _, error = terminal.process.communicate(timeout=20)
        assert b"DeployError: " + told in error


def test_keys_go_on_as_they_are() -> None:
    with opened(ECHO) as terminal:
        terminal.until(b"raw\n")
        os.write(terminal.master, b"a\x03\x04\rq")
        assert terminal.until(b"q") == b"a\x03\x04\rq"
        assert terminal.process.wait(20) == 0


def test_the_size_is_told_whenever_it_changes() -> None:
    with opened(SIZES) as terminal:
        terminal.until(b"\n")
        terminal.resize(133, 41)
        terminal.until(b"133 41")
        assert terminal.process.wait(20) == 0
