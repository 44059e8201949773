"""Running a command so that an interrupt ends it in order, and not in the middle of a write."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

INTERRUPTED = 130
"""Exit code of what Ctrl-C ended: 128 and the signal's number."""


class Interruptible:
    """A command of this terminal. The first interrupt lets it finish what is under way, the third kills it.

    Args:
        started: Called with its pid as soon as it runs.
        stopping: Called each time it is asked to stop.

    Attributes:
        asked: How often it was asked to stop.
        pid: Its process; 0 before it was started.
    """

    def __init__(
        self, started: Callable[[int], None] = lambda _: None, stopping: Callable[[], None] | None = None
    ) -> None:
        self.asked, self.pid = 0, 0
        self._stopping = stopping
        self._started = started
        self._process: subprocess.Popen[bytes] | None = None

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        output: Path | int | None = None,
    ) -> int:
        """Run the command and return its exit code; 130 when it was asked to stop and did not finish.

        Args:
            command: Program and arguments.
            cwd: Its folder.
            environment: Its variables.
            output: A file for all it says, or the descriptor its output goes to; ``None``: this process's own.
        """
        with self._handling(), output.open("wb") if isinstance(output, Path) else nullcontext(output) as out:
            errors = subprocess.STDOUT if isinstance(output, Path) else None
            self._process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=errors)
            self.pid = self._process.pid
            self._started(self.pid)
            if self.asked:  # between the two lines above
                self._process.send_signal(signal.SIGINT)
            code = self._process.wait()
        return INTERRUPTED if self.asked and code != 0 else code

    @contextmanager
    def _handling(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.asked += 1
        if self._stopping:
            self._stopping()
        if self._process is None:
            return
        if self.asked > 2:
            self._process.kill()
        elif number == signal.SIGTERM or not _owns_terminal():
            self._process.send_signal(signal.SIGINT)


@contextmanager
def stopped_alike() -> Iterator[None]:
    """Have SIGTERM end what runs here as Ctrl-C does, so that it is undone; where no command is run that sees to it."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    # A shell that starts something in the background has it ignore the first of the two.
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, stop),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _owns_terminal() -> bool:
    """Whether Ctrl-C reaches the command as well, because the terminal sends it to all in its foreground."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
