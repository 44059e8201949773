"""This process's terminal, input and output, for a command somewhere else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import threading
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

from poscloud.cluster.remote.channels import Channel
from poscloud.errors import DeployError

CHUNK = 32 * 1024
WAITING = 16
"""Parts of the input that are read ahead."""


def is_terminal() -> bool:
    """Whether a person sits at both input and output."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def raw() -> Iterator[None]:
    """Hand every key on as it is, until the block ends, however it ends; also when this process is asked to end."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSADRAIN)
    try:
        yield
    finally:
        with suppress(termios.error, OSError):  # the terminal itself may be gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have what this task does end in order when the process is asked to end, or its terminal is gone.

    Raises:
        DeployError: It was so.
    """
    loop, task, came = asyncio.get_running_loop(), asyncio.current_task(), []

    def end(number: signal.Signals) -> None:
        came.append(number)
        if task:
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)
    try:
        yield
    except asyncio.CancelledError:
        if not came:
            raise
        gone = "the terminal is gone" if came[0] == signal.SIGHUP else f"ended by {came[0].name}"
        raise DeployError(f"{gone}; whether the command still runs, nobody knows") from None
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def sizes() -> AsyncIterator[tuple[int, int]]:
    """Yield columns and rows of the terminal: now, and whenever they change."""
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        while True:
            size = os.get_terminal_size(sys.stdin.fileno())
            if size.columns and size.lines:  # some terminals do not know theirs
                yield size.columns, size.lines
            await changed.wait()
            changed.clear()
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


async def read_input() -> AsyncIterator[bytes]:
    """Yield what is typed or piped in, until its end.

    A thread reads it: files cannot be waited for, and a pipe's other end shares the mode that would be needed.
    """
    loop = asyncio.get_running_loop()
    parts: asyncio.Queue[bytes] = asyncio.Queue()
    room = threading.Semaphore(WAITING)
    descriptor = sys.stdin.fileno()

    def read() -> None:
        while True:
            room.acquire()
            try:
                part = os.read(descriptor, CHUNK)
            except OSError:  # the terminal is gone
                part = b""
            try:
                loop.call_soon_threadsafe(parts.put_nowait, part)
            except RuntimeError:  # the command is over
                return
            if not part:
                return

    threading.Thread(target=read, daemon=True).start()
    while part := await parts.get():
        room.release()
        yield part


async def write(channel: Channel, data: bytes) -> None:
    """Write what a command wrote, in order, without holding up the connection.

    Raises:
        BrokenPipeError: Nobody reads it any more.
    """
    stream = sys.stderr if channel == Channel.STDERR else sys.stdout
    await asyncio.to_thread(_write, stream.fileno(), data)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
