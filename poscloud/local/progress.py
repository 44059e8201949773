"""How long-running work tells a person what it does, how far it is, and where its log is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

# Without a terminal a line now and then shows that it lives; more would fill a CI log.
PLAIN_INTERVAL = 15.0


class Reporter(Protocol):
    """What set-up code tells the person who waits for it."""

    def step(self, name: str, *, log: Path | None = None) -> AbstractContextManager[None]:
        """A piece of work that takes a while; leaving the context ends it."""

    def update(self, text: str) -> None:
        """How far the current step is."""

    def done(self, text: str = "") -> None:
        """What the current step found or made; shown when it ends."""

    def note(self, text: str) -> None:
        """Something worth a line of its own."""

    def plan(self, steps: int) -> None:
        """How many steps are to come, so that each is shown as ``[2/4]``."""


def seconds(value: float) -> str:
    """A duration as a person says it: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


class SilentReporter:
    """Says nothing; for callers that show progress in their own way, and for tests."""

    @contextmanager
    def step(self, name: str, *, log: Path | None = None) -> Iterator[None]:
        """Do the work without a word."""
        yield

    def update(self, text: str) -> None:
        """Say nothing."""

    def done(self, text: str = "") -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def plan(self, steps: int) -> None:
        """Say nothing."""


class ConsoleReporter:
    """Plain lines into a file or pipe; one live line on a terminal.

    Args:
        stream: Where to write; standard error by default, since standard output belongs to results.
        live: Whether to redraw one line; found out from the stream when ``None``.
    """

    def __init__(self, stream: TextIO | None = None, *, live: bool | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty() if live is None else live
        self._lock = threading.RLock()
        self._name = ""
        self._log: Path | None = None
        self._text = ""
        self._result = ""
        self._started = 0.0
        self._spoken = 0.0
        self._number = 0
        self._planned = 0

    def plan(self, steps: int) -> None:
        """Start counting steps anew, up to this number."""
        self._number, self._planned = 0, steps

    @contextmanager
    def step(self, name: str, *, log: Path | None = None) -> Iterator[None]:
        """Show the step from its start to its end, with the time it took."""
        with self._lock:
            self._number += 1
            prefix = f"[{self._number}/{self._planned}] " if self._planned else ""
            self._name, self._log, self._text, self._result = prefix + name, log, "", ""
            self._started = self._spoken = time.monotonic()
        if not self._live:
            self._line(f"{self._name} ..." + (f" (log: {log})" if log else ""))
        stop = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(stop,), daemon=True)
        if self._live:
            ticker.start()
        try:
            yield
        except BaseException:
            self._end(stop, "failed after")
            raise
        self._end(stop, "done in")

    def update(self, text: str) -> None:
        """Keep the newest text; a plain stream shows it only now and then."""
        with self._lock:
            self._text = text
            now = time.monotonic()
            if not self._live and now - self._spoken >= PLAIN_INTERVAL:
                self._spoken = now
                self._line(f"{self._name}: {text}, {seconds(now - self._started)}")

    def done(self, text: str = "") -> None:
        """Keep the result until the step ends."""
        self._result = text

    def note(self, text: str) -> None:
        """Write a line of its own, above the live line."""
        with self._lock:
            self._erase()
            self._line(text)

    def _tick(self, stop: threading.Event) -> None:
        while not stop.wait(0.2):
            with self._lock:
                elapsed = seconds(time.monotonic() - self._started)
                parts = [
                    part for part in (self._text, elapsed, f"log: {self._log}" if self._log else "") if part
                ]
                self._stream.write("\r\x1b[2K" + self._fit(f"{self._name}: " + ", ".join(parts)))
                self._stream.flush()

    def _fit(self, text: str) -> str:
        import shutil

        width = shutil.get_terminal_size().columns
        return text if len(text) < width else text[: max(0, width - 2)] + "…"

    def _end(self, stop: threading.Event, verb: str) -> None:
        stop.set()
        with self._lock:
            self._erase()
            result = f": {self._result}" if self._result and verb == "done in" else ""
            self._line(f"{self._name}{result}, {verb} {seconds(time.monotonic() - self._started)}")

    def _erase(self) -> None:
        if self._live:
            self._stream.write("\r\x1b[2K")

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
