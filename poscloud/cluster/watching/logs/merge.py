"""Lines of many logs, put into one order while they are still being written: pure, time is given."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable, Sequence
from operator import attrgetter

from poscloud.cluster.watching.logs.line import Line

_TIME = attrgetter("time")


_STEADY_SECONDS = 0.25
"""A log whose lines usually come in shorter intervals is written to all the time: silent, it is late, not quiet."""

_NEWEST_SHARE = 0.2
"""How much the newest interval counts in what is usual."""


class Merger:
    """Holds lines back until no earlier one of another log can come, but no longer than some time.

    None is ever dropped. One that comes later than it is held back comes out late.

    Args:
        hold: Seconds that a line waits at most for logs in which little is written.
        longest: Seconds that it waits at most for a log that was written to all the time until now; at least ``hold``.
    """

    def __init__(self, hold: float, longest: float = 0.0) -> None:
        self._hold, self._longest = hold, max(hold, longest)
        self._heard: dict[Hashable, float] = {}
        self._interval: dict[Hashable, float] = {}
        self._waiting: dict[Hashable, deque[tuple[float, list[Line]]]] = {}
        self._last: dict[Hashable, bytes] = {}

    def open(self, source: Hashable) -> None:
        """From now on this log counts: others wait for it."""
        self._last.setdefault(source, b"")

    def close(self, source: Hashable) -> None:
        """Nobody waits for this log any more; its lines still come out."""
        for known in (self._last, self._heard, self._interval):
            known.pop(source, None)

    def add(self, source: Hashable, lines: Sequence[Line], now: float) -> None:
        """Take lines of one log, in its order."""
        if not lines:
            return
        self._waiting.setdefault(source, deque()).append((now, list(lines)))
        if source in self._last:
            self._last[source] = lines[-1].time
            if (heard := self._heard.get(source)) is not None:
                usual = self._interval.get(source, self._hold)
                self._interval[source] = usual + _NEWEST_SHARE * (now - heard - usual)
            self._heard[source] = now

    def take(self, now: float) -> list[Line]:
        """Return the lines whose turn it is, in order."""
        limit = self._limit(now)
        found: list[Line] = []
        for source, batches in list(self._waiting.items()):
            while batches:
                came, lines = batches[0]
                if lines[-1].time <= limit:
                    found += lines
                    batches.popleft()
                    continue
                if count := bisect_right(lines, limit, key=_TIME):
                    found += lines[:count]
                    batches[0] = (came, lines[count:])
                break
            if not batches:
                del self._waiting[source]
        found.sort(key=_TIME)
        return found

    def _limit(self, now: float) -> bytes:
        """Return up to when lines come out: with one that has waited enough go all earlier ones, just come or not."""
        limit = min(self._last.values(), default=b"~")
        late = min((self._last[source] for source in self._steady(now)), default=b"~")
        for batches in self._waiting.values():
            for came, lines in batches:
                if came <= now - self._longest:
                    limit = max(limit, lines[-1].time)
                elif came <= now - self._hold:
                    limit = max(limit, min(lines[-1].time, late))
                else:
                    break
        return limit

    def _steady(self, now: float) -> list[Hashable]:
        """Return the logs from which more is sure to come, though they are silent for a moment."""
        since = now - self._longest
        return [
            source
            for source, usual in self._interval.items()
            if usual < _STEADY_SECONDS and self._heard[source] > since
        ]

    def rest(self) -> list[Line]:
        """Return all lines that are left, in order."""
        return self.take(float("inf"))
