"""How a run is shown while it goes on: a line for each change, or a tree on a terminal."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from poscloud.engine.progress.picture import STOPPING, Picture, Row, Shade
from poscloud.local.progress import seconds

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

SIGNS = {"waits": "·", "works": "▸", "done": "✓", "failed": "✕", "left": "–"}
STYLES = {"waits": "dim", "works": "yellow", "done": "green", "failed": "red", "left": "dim"}
_COUNTED = {"waits": "wait", "works": "under way", "done": "done", "failed": "failed", "left": "left out"}
TIME_WIDTH = 8
"""``59 min 59 s`` is wider, and moves its words a little."""
ECHO = 3
"""Columns that are left free: what a terminal echoes of Ctrl-C behind a full line would move all by a line."""
_ORDER: tuple[Shade, ...] = ("failed", "works", "waits", "left", "done")


class Shown(Protocol):
    """What shows a run."""

    def begin(self, picture: Picture) -> None:
        """Begin to show a run."""

    def changed(self, picture: Picture, names: Iterable[str], now: float) -> None:
        """Show that components are in another state."""

    def end(self) -> None:
        """Show no more."""


class Lines:
    """A plain line for each component that waits, is ready or has failed: for CI and files.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._said: dict[str, str] = {}

    def begin(self, picture: Picture) -> None:
        """Say nothing: the first change is the beginning."""

    def changed(self, picture: Picture, names: Iterable[str], now: float) -> None:
        """Write a line for each of which there is something new to say."""
        with picture.lock:  # told by those who read the engine's events, and by those who look at the cluster
            for name in names:
                text = picture.line(name)
                if not text or self._said.get(name) == text:
                    continue
                self._said[name] = text
                self._stream.write(f"[{seconds(now):>9}] {name}: {text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Say nothing: the summary follows."""


class Tree:
    """A tree of components on a terminal, drawn anew several times a second.

    Args:
        console: Where to draw; by default standard error.
        clock: Tells the time.
    """

    def __init__(self, console: Console | None = None, clock: Any = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = console or Console(stderr=True)
        self._clock = clock
        self._picture: Picture | None = None
        self._began = 0.0
        self._live = Live(
            console=self._console, refresh_per_second=6, transient=True, get_renderable=self._draw
        )

    def begin(self, picture: Picture) -> None:
        """Begin to draw."""
        self._picture, self._began = picture, self._clock()
        self._live.start()

    def changed(self, picture: Picture, names: Iterable[str], now: float) -> None:
        """Draw with the next picture."""

    def end(self) -> None:
        """Take the tree away: the summary follows."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        from rich.constrain import Constrain

        if self._picture is None:
            return ""
        with self._picture.lock:
            size = self._console.size
            width = max(size.width - ECHO, 1)
            return Constrain(tree(self._picture, self._clock() - self._began, size.height - 2, width), width)


def tree(picture: Picture, now: float, room: int, columns: int) -> RenderableType:
    """Return the tree of a run.

    Args:
        picture: The run.
        now: Seconds after its start.
        room: Lines that there are below the heading; those come first of which something is to be told.
        columns: How wide a line may be; a name takes at most a third of it.
    """
    from rich.text import Text
    from rich.tree import Tree as RichTree

    rows = picture.rows()
    heading = Text(f"{picture.heading()}, {seconds(now)}", style="bold", no_wrap=True, overflow="ellipsis")
    if picture.stopping:
        heading.append(f"\n{STOPPING}", style="yellow")
        room -= 1
    drawn = RichTree(heading, guide_style="dim")
    if len(rows) > room:
        rows = sorted(rows, key=lambda row: _ORDER.index(row.shade))
    shown = rows if len(rows) <= room else rows[: max(room - 1, 0)]
    width = min(max((len(row.name) for row in shown), default=0), columns // 3)
    for row in shown:
        drawn.add(_line(row, width, now))
    if len(rows) > len(shown):
        counts = Counter(row.shade for row in rows[len(shown) :])
        more = ", ".join(f"{counts[shade]} {_COUNTED[shade]}" for shade in _ORDER if counts[shade])
        drawn.add(Text(f"and {len(rows) - len(shown)} more: {more}", style="dim", no_wrap=True))
    return drawn


def _line(row: Row, width: int, now: float) -> Text:
    """Return the line of a component; its time stands before the words, which may be cut off."""
    from rich.text import Text

    style = STYLES[row.shade]
    name = row.name if len(row.name) <= width else f"{row.name[: width - 1]}…"
    took = row.took if row.since is None else now - row.since
    time = seconds(took) if took is not None else ""
    line = Text(f"{SIGNS[row.shade]} {name.ljust(width)} ", style=style, no_wrap=True, overflow="ellipsis")
    line.append(f"{time:>{TIME_WIDTH}}  {row.text}", style="" if row.shade in ("works", "failed") else style)
    return line
