"""How lines of logs look: on a terminal, in a pipe, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zlib import crc32

from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.source import Source

COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
"""ANSI colours of pods; red is for errors."""


def plain(lines: Sequence[Line]) -> bytes:
    """Return lines with time and pod in front: ``2026-11-22T09:55:07.123Z web-1 | text``."""
    return b"".join(b"%bZ %b | %b\n" % (line.time[:23], _label(line.source), line.text) for line in lines)


def coloured(lines: Sequence[Line]) -> bytes:
    """Return lines for a terminal: this machine's time, and a colour for each pod."""
    return b"".join(
        b"%b.%b %b %b\n" % (_local(line.time[:19]), line.time[20:23], _painted(line.source), line.text)
        for line in lines
    )


def as_json(lines: Sequence[Line]) -> bytes:
    """Return lines as JSON, one object a line."""
    return b"".join(
        json.dumps(
            {
                "time": f"{line.time.decode()}Z",
                "service": line.source.service,
                "pod": line.source.pod,
                "container": line.source.container,
                **({"file": line.source.file} if line.source.file else {}),
                "line": line.text.decode(errors="replace"),
            },
            ensure_ascii=False,
        ).encode()
        + b"\n"
        for line in lines
    )


@lru_cache(maxsize=1024)
def _label(source: Source) -> bytes:
    return source.label.encode()


@lru_cache(maxsize=1024)
def _painted(source: Source) -> bytes:
    code = COLOURS[crc32(source.label.encode()) % len(COLOURS)]
    return f"\x1b[{code}m{source.label}\x1b[0m".encode()


@lru_cache(maxsize=64)
def _local(second: bytes) -> bytes:
    try:
        return f"{datetime.fromisoformat(second.decode()).replace(tzinfo=UTC).astimezone():%H:%M:%S}".encode()
    except ValueError:
        return second
