"""How a run is shown while it goes on: a line for each change, or a tree on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from poscloud.engine.progress.run import Component, Run
from poscloud.local.progress import seconds

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

MOST_NAMES = 4
"""Components that are named as waited for."""

SIGNS = {"waiting": "·", "creating": "▸", "ready": "✓", "failed": "✕", "skipped": "–"}
STYLES = {"waiting": "dim", "creating": "yellow", "ready": "green", "failed": "red", "skipped": "dim"}
_ORDER = ("failed", "creating", "waiting", "skipped", "ready")


class Shown(Protocol):
    """What shows a run."""

    def begin(self, run: Run) -> None:
        """Begin to show a run."""

    def changed(self, run: Run, names: Iterable[str], now: float) -> None:
        """Show that components are in another state."""

    def end(self) -> None:
        """Show no more."""


def told(run: Run, component: Component) -> str:
    """Return how a component is, in words; why it failed, the engine says."""
    state = run.state(component)
    if state == "failed":
        return f"failed: {component.failed}"
    if state == "ready":
        return f"ready, {seconds(component.own_seconds)}" if component.changed else "ready, unchanged"
    waits = run.waits_for(component)
    if state == "skipped":
        return f"not made; it starts after {_some(waits)}" if waits else "not made"
    if state == "waiting":
        return f"waits for {_some(waits)}" if waits else "waits for its turn"
    doing = [f"{obj}{f': {text}' if text else ''}" for obj, text in component.doing.items()]
    return f"creating {doing[-1]}" if doing else "creating"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}"


class Lines:
    """A plain line for each component that waits, is ready or has failed: for CI and files.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._said: dict[str, str] = {}

    def begin(self, run: Run) -> None:
        """Say nothing: the first change is the beginning."""

    def changed(self, run: Run, names: Iterable[str], now: float) -> None:
        """Write a line for each; who waits says so when it has something to wait for that is not unchanged."""
        for name in names:
            component = run.components[name]
            text = told(run, component)
            quiet = not component.changed and run.state(component) in ("waiting", "creating", "ready")
            if quiet or self._said.get(name) == text:
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
        self._run: Run | None = None
        self._began = 0.0
        self._live = Live(
            console=self._console, refresh_per_second=6, transient=True, get_renderable=self._draw
        )

    def begin(self, run: Run) -> None:
        """Begin to draw."""
        self._run, self._began = run, self._clock()
        self._live.start()

    def changed(self, run: Run, names: Iterable[str], now: float) -> None:
        """Draw with the next picture."""

    def end(self) -> None:
        """Take the tree away: the summary follows."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        if self._run is None:
            return ""
        with self._run.lock:
            return tree(self._run, self._clock() - self._began, self._console.size.height - 3)


def tree(run: Run, now: float, room: int) -> RenderableType:
    """Return the tree of a run.

    Args:
        run: The run.
        now: Seconds after its start.
        room: Lines that there are for components; those come first of which something is to be told.
    """
    from rich.text import Text
    from rich.tree import Tree as RichTree

    states = run.states()
    count = sum(state == "ready" for state in states.values())
    title = f"{run.name.name}  {count} of {len(states)} ready, {seconds(now)}"
    title += ", ends when what is under way is done; Ctrl-C again ends it at once" if run.stopping else ""
    drawn = RichTree(Text(title, style="bold"), guide_style="dim")
    order = {name: n for n, name in enumerate(run.components)}
    names = (
        list(order)
        if len(order) <= room
        else sorted(order, key=lambda n: (_ORDER.index(states[n]), order[n]))
    )
    shown = names if len(names) <= room else names[: room - 1]
    width = max((len(name) for name in shown), default=0)
    for name in shown:
        component, state = run.components[name], states[name]
        since = (component.free or component.began or 0.0) if state == "creating" else 0.0
        elapsed = f"  {seconds(now - since)}" if state in ("creating", "waiting") else ""
        line = Text(
            f"{SIGNS[state]} {name.ljust(width)}  ", style=STYLES[state], no_wrap=True, overflow="ellipsis"
        )
        why = f": {component.why}" if state == "failed" and component.why else ""
        line.append(
            f"{told(run, component)}{why}{elapsed}",
            style="" if state in ("creating", "failed") else STYLES[state],
        )
        drawn.add(line)
    if len(names) > len(shown):
        drawn.add(Text(f"and {len(names) - len(shown)} more", style="dim"))
    return drawn
