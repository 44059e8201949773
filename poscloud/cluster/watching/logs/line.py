"""A line of a log, with the moment that the node wrote it down."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from poscloud.cluster.watching.logs.source import Source

_DIGITS = 29
"""Characters of a time as the kubelet writes it, without its zone: ``2026-11-22T09:55:07.123456789``."""


class Line(NamedTuple):
    """One line. Sorts by time; bytes, because nobody knows what programs write.

    Attributes:
        time: In UTC, ``2026-11-22T09:55:07.123456789``.
        source: Where it comes from.
        text: What was written.
    """

    time: bytes
    source: Source
    text: bytes

    @property
    def moment(self) -> datetime:
        """When it was written, to the microsecond."""
        return datetime.fromisoformat(self.time[:26].decode()).replace(tzinfo=UTC)


def lines_of(raw: Iterable[bytes], source: Source, before: bytes = b"") -> list[Line]:
    """Return lines of one source, none earlier than the one above it.

    Args:
        raw: Lines as the API server sends them, each with its time in front.
        source: Whose they are.
        before: The time of the last line above them; a node's clock may go back.
    """
    found = []
    for text in raw:
        if text[_DIGITS : _DIGITS + 2] == b"Z ":
            time, rest = text[:_DIGITS], text[_DIGITS + 2 :]
        else:
            time, rest = _other_form(text, before)
        if time < before:
            time = before
        before = time
        found.append(Line(time, source, rest))
    return found


def _other_form(text: bytes, before: bytes) -> tuple[bytes, bytes]:
    """Read a time that has another zone or fewer digits; a line without any is of the moment of the one above."""
    stamp, _, rest = text.partition(b" ")
    head, _, tail = stamp.partition(b".")
    digits = tail[: len(tail) - len(tail.lstrip(b"0123456789"))]
    zone = tail[len(digits) :] if tail else b""
    try:
        if tail:
            whole = datetime.fromisoformat((head + (zone.replace(b"Z", b"") or b"+00:00")).decode())
        else:
            whole = datetime.fromisoformat(stamp.decode().replace("Z", "+00:00"))
    except (ValueError, UnicodeDecodeError):
        return before, text
    if whole.tzinfo is None:
        return before, text
    whole = whole.astimezone(UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.".encode() + digits.ljust(9, b"0")[:9], rest


def stamp(moment: datetime) -> str:
    """Return a moment as ``sinceTime`` takes it: whole seconds, none too late."""
    return f"{moment.astimezone(UTC) - timedelta(microseconds=moment.microsecond):%Y-%m-%dT%H:%M:%SZ}"
