"""Lines of many logs, put into one order while they are still being written: pure, time is given."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable, Sequence
from operator import attrgetter

from poscloud.cluster.watching.logs.line import Line

_TIME = attrgetter("time")


class Merger:
    """Holds lines back until no earlier one of another log can come, but no longer than some time.

    None is ever dropped. One that comes later than it is held back comes out late.

    Args:
        hold: Seconds that a line waits at most: a log in which nothing is written keeps nobody waiting longer.
    """

    def __init__(self, hold: float) -> None:
        self._hold = hold
        self._waiting: dict[Hashable, deque[tuple[float, list[Line]]]] = {}
        self._last: dict[Hashable, bytes] = {}

    def open(self, source: Hashable) -> None:
        """From now on this log counts: others wait for it."""
        self._last.setdefault(source, b"")

    def close(self, source: Hashable) -> None:
        """Nobody waits for this log any more; its lines still come out."""
        self._last.pop(source, None)

    def add(self, source: Hashable, lines: Sequence[Line], now: float) -> None:
        """Take lines of one log, in its order."""
        if not lines:
            return
        self._waiting.setdefault(source, deque()).append((now, list(lines)))
        if source in self._last:
            self._last[source] = lines[-1].time

    def take(self, now: float) -> list[Line]:
        """Return the lines whose turn it is, in order."""
        bound, cutoff = min(self._last.values(), default=b"~"), now - self._hold
        found: list[Line] = []
        for source, batches in list(self._waiting.items()):
            while batches:
                came, lines = batches[0]
                if came <= cutoff or lines[-1].time <= bound:
                    found += lines
                    batches.popleft()
                    continue
                if count := bisect_right(lines, bound, key=_TIME):
                    found += lines[:count]
                    batches[0] = (came, lines[count:])
                break
            if not batches:
                del self._waiting[source]
        found.sort(key=_TIME)
        return found

    def rest(self) -> list[Line]:
        """Return all lines that are left, in order."""
        return self.take(float("inf"))
