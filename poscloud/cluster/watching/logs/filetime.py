"""When lines of a log file were written, as they say themselves: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.source import Source

_HEAD = 80
"""Bytes at the beginning of a line in which its time is looked for."""

_TIME = re.compile(
    rb"(?<!\d)(\d{4})[-/](\d\d)[-/](\d\d)[T _](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?(?![\d])"
)
_ZONE = re.compile(rb"([+-])(\d\d):?(\d\d)$")


def zone_of(text: bytes) -> timezone:
    """Return a zone as ``date +%z`` and times tell it: ``+0800``; UTC for anything else."""
    found = _ZONE.match(text.strip())
    if not found:
        return UTC
    away = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-away if found[1] == b"-" else away) if away < timedelta(days=1) else UTC


def time_of(text: bytes, zone: timezone) -> bytes:
    """Return when a line was written, as ``Line.time``; empty where it does not say so.

    Args:
        text: The line; its time stands near its beginning, as in ``[2017-09-27 17:31:02,123] INFO``.
        zone: The container's, for a time without one.
    """
    found = _TIME.search(text[:_HEAD])
    if not found:
        return b""
    own = zone_of(found[8]) if found[8] else zone
    try:
        whole = datetime(*(int(part) for part in found.groups()[:6]), tzinfo=own).astimezone(UTC)  # type: ignore[arg-type, misc]
    except (ValueError, OverflowError):
        return b""
    return f"{whole:%Y-%m-%dT%H:%M:%S}.".encode() + (found[7] or b"").ljust(9, b"0")


def timed(raw: Iterable[bytes], source: Source, zone: timezone, before: bytes) -> list[Line]:
    """Return lines of one file, none earlier than the one above it.

    Args:
        raw: The lines.
        source: Whose they are.
        zone: The container's.
        before: The time of lines above the first that tells one.
    """
    texts = list(raw)
    times = [time_of(text, zone) for text in texts]
    last = before or next(filter(None, times), b"")
    found = []
    for text, time in zip(texts, times, strict=True):
        last = max(time, last)
        found.append(Line(last, source, text))
    return found


def as_time(seconds: float) -> bytes:
    """Return seconds since 1970 as ``Line.time``."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}000".encode()
