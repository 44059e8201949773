"""Following a run of the engine: its events are read from a file while it writes them (docs/decisions/0043)."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol, TextIO

from poscloud.engine.following import Following
from poscloud.engine.progress.events import UnknownEventsError, parse
from poscloud.engine.progress.picture import Picture
from poscloud.engine.progress.show import Lines, Shown, Tree
from poscloud.errors import PosCloudError

LOOK_SECONDS = 0.1
"""How often is looked for new events."""

ENABLE = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Without it the engine does not know the flag that names a file for its events."""

TAIL = ("Diagnostics:", "Outputs:", "Resources:", "Policies:", "error:", "warning:")
"""With what the part of the engine's output begins that is no progress."""


class Beside(Protocol):
    """What looks at the cluster while the engine works, because its events do not tell all."""

    def __call__(self, over: threading.Event, changed: Callable[[Iterable[str]], None], began: float) -> None:
        """Look until it is over.

        Args:
            over: Set at the end.
            changed: Is told the components that are in another state.
            began: When the run began, by ``time.monotonic``.
        """


Show = tuple[Picture, Beside | None]
"""What takes a run's steps in, and what looks at the cluster meanwhile."""


class Progress:
    """How a run is shown.

    Args:
        shown: Shows it while it goes on.
        instead: Whether that stands in for the engine's own display.
        say: Writes a line of the summary.
    """

    def __init__(self, shown: Shown, *, instead: bool, say: Callable[[str], None]) -> None:
        self._shown, self._instead, self._say = shown, instead, say

    @contextmanager
    def following(self, run: Picture, beside: Beside | None = None) -> Iterator[Following]:
        """Show a run of the engine that the caller starts with what this yields; then say where its time went.

        What was shown never decides about a run: an event that cannot be read ends the showing, and nothing else.

        Args:
            run: Takes its steps in.
            beside: Looks at the cluster meanwhile.
        """
        over, began = threading.Event(), time.monotonic()
        with tempfile.TemporaryDirectory(
            prefix="poscloud-"
        ) as folder:  # 0700: events have what the stack has
            events, output = Path(folder) / "events", Path(folder) / "output"
            flags = [f"--event-log={events}", *(["--non-interactive"] if self._instead else [])]
            given = Following(flags, dict(ENABLE), output if self._instead else None, run.stop)
            readers = [threading.Thread(target=self._read, args=(events, run, over, began), daemon=True)]
            if beside:
                readers.append(
                    threading.Thread(target=self._look, args=(beside, run, over, began), daemon=True)
                )
            self._shown.begin(run)
            for reader in readers:
                reader.start()
            try:
                yield given
            finally:
                over.set()
                for reader in readers:
                    reader.join()
                self._shown.end()
                run.over = True
                if self._instead:
                    sys.stdout.write(last_words(output))
                    sys.stdout.flush()
                for line in run.summary(time.monotonic() - began):
                    self._say(line)

    def _look(self, beside: Beside, run: Picture, over: threading.Event, began: float) -> None:
        def changed(names: Iterable[str]) -> None:
            self._shown.changed(run, names, time.monotonic() - began)

        try:
            beside(over, changed, began)
        except (PosCloudError, OSError, LookupError, AttributeError, TypeError, ValueError) as error:
            self._say(f"how the cluster follows cannot be shown: {error}")

    def _read(self, events: Path, run: Picture, over: threading.Event, began: float) -> None:
        try:
            for line in lines_of(events, over):
                for event in parse(line):
                    now = time.monotonic() - began
                    self._shown.changed(run, run.take(event, now), now)
        except (UnknownEventsError, OSError, LookupError, AttributeError, TypeError, ValueError) as error:
            self._say(f"the progress of this run cannot be shown: {error}")


def lines_of(file: Path, over: threading.Event) -> Iterator[bytes]:
    """Yield the whole lines of a file that somebody writes, until it is over and all is read."""
    part, stream = b"", None
    try:
        while True:
            last = over.is_set()  # looked at first: what is written before it is set is read below
            if stream is None and file.exists():
                stream = file.open("rb")
            while stream is not None and (more := stream.read(1 << 20)):
                *whole, part = (part + more).split(b"\n")
                yield from (line for line in whole if line.strip())
            if last:
                return
            over.wait(LOOK_SECONDS)
    finally:
        if stream is not None:
            stream.close()


def last_words(output: Path) -> str:
    """Return what the engine said besides its progress: errors and warnings, outputs, what it did."""
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    except OSError:
        return ""
    begin = next((n for n, line in enumerate(lines) if line.lstrip().startswith(TAIL)), 0)
    return "".join(lines[begin:])


def showing(
    shown: Show | None, environment: dict[str, str], say: Callable[[str], None], *, confirmed: bool
) -> AbstractContextManager[Following | None]:
    """Show the run of the engine that is started while this lasts; other arguments as for ``progress_for``.

    Args:
        shown: What is shown of it; without, nothing is.
        environment: The engine's.
        say: Writes a line of the summary.
        confirmed: Whether the engine asks nothing.
    """
    progress = progress_for(environment, say, confirmed=confirmed) if shown else None
    return progress.following(*shown) if progress and shown else nullcontext()


def progress_for(
    environment: dict[str, str], say: Callable[[str], None], *, confirmed: bool, stream: TextIO | None = None
) -> Progress | None:
    """Return how a run is shown; ``None`` where the engine's own display is the better one.

    On a terminal, where the engine has nothing to ask, a tree of components stands in for its display; without one,
    its lines stay and those of the components join them on standard error. ``POSCLOUD_PROGRESS=engine`` leaves the
    engine alone.

    Args:
        environment: The engine's.
        say: Writes a line of the summary.
        confirmed: Whether the engine asks nothing.
        stream: Where lines are written; by default standard error.
    """
    if not confirmed or wants_engine():
        return None
    if has_tree(environment):
        return Progress(Tree(), instead=True, say=say)
    if _is_terminal() and os.environ.get("POSCLOUD_PROGRESS") != "lines":
        return None
    return Progress(Lines(stream), instead=False, say=say)


def wants_engine() -> bool:
    """Whether the engine's own display is asked for (``POSCLOUD_PROGRESS=engine``)."""
    return os.environ.get("POSCLOUD_PROGRESS") == "engine"


def has_tree(environment: dict[str, str]) -> bool:
    """Whether a run is shown as a tree: on a terminal that can draw it, where the engine needs no passphrase typed.

    Args:
        environment: The engine's.
    """
    opened = any(environment.get(f"PULUMI_CONFIG_PASSPHRASE{end}") is not None for end in ("", "_FILE"))
    # One in GBK or Latin-1 has no signs for the states.
    drawable = all((each.encoding or "").lower().startswith("utf") for each in (sys.stderr, sys.stdout))
    wanted = os.environ.get("POSCLOUD_PROGRESS", "") not in ("engine", "lines")
    return _is_terminal() and opened and drawable and wanted


def _is_terminal() -> bool:
    return sys.stderr.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
