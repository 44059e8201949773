"""What makes two errors the same: their text without times, numbers, ids and addresses, and where they were raised."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

FRAMES = 3
"""How many of the places that a stack trace names count: those below are the same for most."""

_TIMES = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?|\d\d:\d\d:\d\d(?:[.,]\d+)?|"
    r"\d\d/\w{3}/\d{4}(?::\d\d){3}(?: [+-]\d{4})?"
)
_UUID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b")
_HEX = re.compile(r"\b0x[0-9a-fA-F]+\b|@[0-9a-f]{4,16}\b|\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b")
_WORD = re.compile(r"\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])(?=(?:[A-Za-z]*\d){3})[A-Za-z0-9]{6,}\b")
_KEY = re.compile(r"\b[A-Z]{1,6}-\d+\b")
_NUMBER = re.compile(r"\d+")
_FRAME = re.compile(r"^\s*(?:at (?P<java>[\w$.<>/]+)\(|File \"(?P<file>[^\"]+)\", line \d+, in (?P<python>\S+)|"
                    r"(?P<go>[\w./*()-]+)\((?:0x|\.\.\.|\)))")  # fmt: skip
_RAISED = re.compile(r"^(?:Caused by: )?(?P<what>(?:[\w$]+\.)*[A-Z][\w$]*(?:Exception|Error|Throwable)\b.*)")
_GENERATED = re.compile(r"\$\$[\w$]*|\$\d+|Lambda[\w$/]*")


def stripped(text: str) -> str:
    """Return a line without what differs from time to time; ``#`` stands for it."""
    for pattern in (_TIMES, _UUID, _ADDRESS, _HEX, _WORD, _KEY, _NUMBER):
        text = pattern.sub("#", text)
    return re.sub(r"#(?:[\s:.,/-]*#)+", "#", " ".join(text.split())).lstrip(" #|")


def fingerprint(lines: Sequence[str]) -> str:
    """Return what all errors of one kind have in common, as twelve characters."""
    raised = [stripped(match["what"]) for line in lines[1:] if (match := _RAISED.match(line))]
    frames = [frame for line in lines if (frame := _frame(line))]
    parts = [stripped(lines[0]), *raised, *frames[:FRAMES]]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def title(lines: Sequence[str]) -> str:
    """Return an error in one line: its first, and the exception that is behind it."""
    first = stripped(lines[0])
    raised = [stripped(match["what"]) for line in lines[1:] if (match := _RAISED.match(line))]
    return first if not raised or raised[-1] in first else f"{first} … {raised[-1]}"


def _frame(line: str) -> str:
    """Return the place that a line of a stack trace names, without its line number; empty for any other line."""
    match = _FRAME.match(line)
    if not match:
        return ""
    place = match["java"] or match["go"] or f"{match['file']} {match['python']}"
    return _NUMBER.sub("#", _GENERATED.sub("", place))
