"""What poscloud can say: the texts of its source as patterns, so that a page quotes no message of yesterday."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.workspace import ROOT

LEAST = 10
"""Letters in one piece that a text needs of its own, or else half of the line's: values alone fit everything."""

FRONT = re.compile(r"^(?:error: |stacks/\S+:\d+:\d+: |\s+|[├└─│]+ +[·✓▸✗] \S+ +)*")
NAMES = re.compile(r"[\w.-]+|[A-Z]\w+ [\w./-]+|…")
"""Lines of names alone: of a component, of an object."""


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    """Return a pattern for each line of each text in poscloud's source; a value in it is anything."""
    found: set[str] = set()
    for file in (ROOT / "poscloud").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                found |= set(_lines(node))
    return tuple(re.compile(pattern) for pattern in found)


def _lines(node: ast.JoinedStr | ast.Constant) -> list[str]:
    values = node.values if isinstance(node, ast.JoinedStr) else [node]
    parts = [v.value if isinstance(v, ast.Constant) and isinstance(v.value, str) else None for v in values]
    lines: list[list[str | None]] = [[]]
    for part in parts:
        first, *more = [None] if part is None else part.split("\n")
        lines[-1].append(first)
        lines += [[each] for each in more]
    return [
        re.sub(r"^(\\ )+|(\\ )+$", "", "".join(".*" if part is None else re.escape(part) for part in line))
        for line in lines
        if any(part and any(char.isalpha() for char in part) for part in line)
    ]


def can_say(line: str) -> bool:
    """Whether poscloud can print a line, behind the place, the tree or the word ``error`` that it begins with."""
    text = FRONT.sub("", line).rstrip()
    shorter = re.sub(r"  \(.*\)$", "", text)
    pieces = [piece.rstrip(")") for piece in re.split(r", | \(", text)]
    return any(all(_fits(part) for part in parts) for parts in ([text], [shorter], pieces))


def _fits(text: str) -> bool:
    return not text or bool(NAMES.fullmatch(text)) or any(_says(pattern, text) for pattern in patterns())


def _says(pattern: re.Pattern[str], text: str) -> bool:
    if not pattern.fullmatch(text):
        return False
    own = [_letters(piece) for piece in pattern.pattern.split(".*")]
    return max(own) >= LEAST or sum(own) * 2 >= _letters(text)


def _letters(text: str) -> int:
    return sum(char.isalpha() for char in text)
