"""What poscloud can say: the texts of its source as patterns, so that a page quotes no message of yesterday."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.workspace import ROOT

LEAST = 10
"""Letters in one piece that a text needs of its own, or else half of the line's: values alone fit everything."""

FRONT = re.compile(r"^(?:error: |stacks/\S+:\d+:\d+: |\s+)*")
NAMES = re.compile(r"[\w.-]+|[A-Z]\w+ [\w./-]+|…")
"""Lines of names alone: of a component, of an object."""

Text = tuple[str, ...]
"""The pieces of a line of text between its values."""


@cache
def texts() -> frozenset[Text]:
    """Return each line of each text in poscloud's source."""
    found: set[Text] = set()
    for file in (ROOT / "poscloud").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found |= _lines(node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= _lines([node])
    return frozenset(found)


def _lines(values: list[ast.expr]) -> set[Text]:
    pieces = [[""]]
    for value in values:
        if isinstance(value, ast.Constant):
            first, *more = str(value.value).split("\n")
            pieces[-1][-1] += first
            pieces += [[line] for line in more]
        else:
            pieces[-1].append("")
    return {
        (line[0].lstrip(), *line[1:-1], line[-1].rstrip()) if line[1:] else (line[0].strip(),)
        for line in pieces
    }


def can_say(line: str) -> bool:
    """Whether poscloud can print a line, behind the place or the word ``error`` that it begins with."""
    text = FRONT.sub("", line).rstrip()
    return not text or bool(NAMES.fullmatch(text)) or any(_says(pieces, text) for pieces in texts())


def _says(pieces: Text, text: str) -> bool:
    """Whether a text with some values is this one, and says enough of it by itself."""
    own = _own(pieces)
    if max(own) < LEAST and sum(own) * 2 < _letters(text):
        return False
    if len(pieces) == 1:
        return pieces[0] == text
    first, *middle, last = pieces
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for piece in middle:
        place = text.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return True


@cache
def _own(pieces: Text) -> list[int]:
    return [_letters(piece) for piece in pieces]


def _letters(text: str) -> int:
    return sum(char.isalpha() for char in text)
