"""The line that a problem is at, with a caret under the place; what may be a secret in it is not shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import Problem
from poscloud.load.textfile import read_text
from poscloud.spec.cleartext import dense_in, is_clear, is_named, secrets_in

WIDTH = 100
"""Columns of a line that are shown; of a longer one, those around the place."""

AROUND = 500
"""Characters before and behind the place that are looked at for secrets at all."""

_PAIR = re.compile(
    r"""(?P<key>[\w.\-]{1,80})["']?\s{0,9}[:=]\s{0,99}["']?(?P<value>[^\s,{}\[\]"'#][^,}\]"'#]*)"""
)
_VARIABLE = re.compile(
    r"""name:\s{0,9}["']?(?P<key>[\w.\-]{1,80})["']?\s{0,9},\s{0,9}value:\s{0,9}["']?(?P<value>[^,}\]"'#]+)"""
)
_FIELDS = frozenset({"secret", "pull_secret", "pull-secret"})
"""Fields that hold the name of a Secret."""

_TOKEN = re.compile(r"""[\w.\-/]+|\*{2,}|"[^"]*"|'[^']*'|\$\{[^}]*\}|\S""")


@dataclass(frozen=True)
class Excerpt:
    """A line as it is shown.

    Attributes:
        number: Its number, the first is 1.
        text: Its text, perhaps only a part of it, without secrets.
        indent: Columns before the place.
        width: Columns that the place is wide.
    """

    number: int
    text: str
    indent: int
    width: int

    def lines(self) -> tuple[str, str]:
        """Return the line with its number, and one with carets under the place."""
        margin = f"{self.number:5} | "
        return f"{margin}{self.text}", f"{'| ':>{len(margin)}}{' ' * self.indent}{'^' * self.width}"


def excerpt(problem: Problem, root: Path) -> Excerpt | None:
    """Return the line of a problem; ``None`` when the problem has none, or it cannot be read.

    Args:
        problem: What is wrong.
        root: Folder that the problem's file is relative to.
    """
    if problem.file is None or not problem.line:
        return None
    try:
        lines = read_text(root / problem.file).splitlines()
    except (ValueError, OSError):
        return None
    if not lines:
        return None
    number = min(problem.line, len(lines))  # what is missing at the end is missed behind the last line
    whole = lines[number - 1].replace("\t", " ")
    place = min(max(problem.column, 1) - 1, len(whole)) if number == problem.line else len(whole)
    left = max(0, place - AROUND)
    text, start = masked(whole[left : place + AROUND]), place - left
    token = _TOKEN.match(text, start)
    end = token.end() if token else start + 1
    first = max(0, min(start - WIDTH // 2, len(text) - WIDTH)) if len(text) > WIDTH else 0
    cut = ("…" if first else "") + text[first : first + WIDTH] + ("…" if first + WIDTH < len(text) else "")
    shift = 1 if first else 0
    indent = _columns(text[first:start]) + shift
    wide = min(_columns(text[start:end]), WIDTH - (start - first))
    return Excerpt(number, cut.rstrip(), indent, max(1, wide))


def masked(line: str) -> str:
    """Return a line with ``*`` in place of what may be a secret, by its name or by its shape."""
    found = list(line)
    for begin, end in _secret_spans(line):
        found[begin:end] = "*" * (end - begin)
    return "".join(found)


def _secret_spans(line: str) -> Iterator[tuple[int, int]]:
    for pattern in (_PAIR, _VARIABLE):
        for match in pattern.finditer(line):
            key = match["key"]
            if key.lower() not in _FIELDS and is_named(key) and is_clear(match["value"]):
                yield match.span("value")
    yield from ((begin, end) for _, begin, end in secrets_in(line))
    yield from dense_in(line)


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c)
    )
