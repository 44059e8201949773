"""What is shown of a run of the engine while it goes on: a heading, and a row for each component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import RLock
from typing import Literal, Protocol

from poscloud.engine.progress.events import Event

Shade = Literal["waits", "works", "done", "failed", "left"]
"""How a component is, as far as its sign and colour go; ``left``: it is left as it was."""

MOST_NAMES = 4
"""Names that are listed."""


@dataclass(frozen=True)
class Row:
    """A component in the picture.

    Attributes:
        name: Its name.
        shade: How it is.
        text: The same in words.
        since: Seconds after the run's start from which its time is counted, while that goes on.
        took: How many seconds it took; ``None``: no time is shown.
    """

    name: str
    shade: Shade
    text: str
    since: float | None = None
    took: float | None = None


class Picture(Protocol):
    """What a run has come to.

    Attributes:
        lock: Held while a step is taken in, and to be held while a picture is made of all.
        over: Whether it has ended.
        stopping: Whether it was asked to end.
    """

    lock: RLock
    over: bool
    stopping: bool

    def stop(self) -> None:
        """It was asked to end: what is under way is finished."""

    def take(self, event: Event, now: float) -> list[str]:
        """Take a step of the engine in; return the components whose state it changed.

        Args:
            event: The step.
            now: Seconds after the run's start.
        """

    def heading(self) -> str:
        """Return what is over the rows, without the time."""

    def rows(self) -> list[Row]:
        """Return all components, in the order in which they are shown."""

    def line(self, name: str) -> str:
        """Return what a plain line says of a component now; empty where it is not worth one."""

    def summary(self, took: float) -> Iterator[str]:
        """Yield what is said at the end of a run of so many seconds."""


STOPPING = "stops after what is under way; Ctrl-C again: at once"
"""What is said once a run was asked to end."""


def some(names: list[str]) -> str:
    """Return names, the first few of them."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}"
