"""Errors in the lines of a log, each with the stack trace below it: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.source import Source

MOST_LINES = 200
"""Lines of a stack trace that are kept."""

_HEAD = 160
"""Characters at the beginning of a line in which its level is looked for."""

_LEVEL = re.compile(
    r"\b(?:(?P<bad>ERROR|FATAL|SEVERE|CRITICAL|CRIT|EMERG|ALERT|PANIC)|TRACE|DEBUG|FINEST|FINER|FINE|INFO|NOTICE|WARN|"
    r"WARNING)\b"
)
_NAMED_LEVEL = re.compile(r"\"?\b(?:level|severity|lvl)\"?\s*[=:]\s*\"?(?P<level>[a-zA-Z]+)")
_BAD_NAMES = frozenset({"error", "fatal", "severe", "critical", "crit", "emerg", "alert", "panic"})
_EXCEPTION = re.compile(
    r"^(?:Exception in thread \"[^\"]*\" |Caused by: )?(?:[\w$]+\.)*[A-Z][\w$]*(?:Exception|Error|Throwable)\s*(?::|$)"
)
_BARE = re.compile(
    r"^(?:Traceback \(most recent call last\):|panic: |fatal error: |thread '[^']*' panicked|Segmentation fault|"
    r"(?:[\w./:-]+: )?(?:error|fatal)(?:\[\w+\])?: )",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"^(?:\s+\S|Caused by: |Suppressed: |\.\.\. \d+ more|Traceback \(most recent call last\):|"
    r"During handling of the above|The above exception was|goroutine \d+ |created by |"
    r"[\w.*/()-]+\(.*\)$)"
)


@dataclass(frozen=True)
class Block:
    """One error.

    Attributes:
        time: When it was written.
        source: Where.
        lines: What was written: its first line, and the stack trace.
    """

    time: bytes
    source: Source
    lines: tuple[str, ...]


def blocks_of(lines: Iterable[Line]) -> list[Block]:
    """Return the errors among lines of several logs, in order; the lines of others between them divide none."""
    open_blocks: dict[Source, list[str]] = {}
    found: list[tuple[Line, list[str]]] = []
    for line in lines:
        text = line.text.decode(errors="replace").rstrip()
        block = open_blocks.get(line.source)
        if block is not None and _belongs(text, block):
            if len(block) < MOST_LINES:
                block.append(text)
        elif is_error(text):
            open_blocks[line.source] = begun = [text]
            found.append((line, begun))
        else:
            open_blocks.pop(line.source, None)
    return [Block(line.time, line.source, tuple(block)) for line, block in found]


def is_error(text: str) -> bool:
    """Whether a line begins an error: by its level where it has one, else by its form."""
    head = text[:_HEAD]
    if named := _NAMED_LEVEL.search(head):
        return named["level"].lower() in _BAD_NAMES
    if level := _LEVEL.search(head):
        return level["bad"] is not None
    return bool(_EXCEPTION.match(text) or _BARE.match(text))


def _belongs(text: str, block: list[str]) -> bool:
    """Whether a line goes on with an error: it is part of a trace, or names its exception."""
    if not text:
        return bool(block) and "goroutine" not in block[-1] and block[0].startswith("panic:")
    if _BELOW.match(text):
        return True
    if not _EXCEPTION.match(text):
        return False
    in_python = any(line.startswith("Traceback (most recent") for line in block)
    return block[-1].startswith(" ") if in_python else len(block) == 1
