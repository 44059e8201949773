"""Patterns of image references: one meaning here and in the nodes' registry (``toolchain/sandbox/patterns.go``).

``*`` is any text, ``/`` in it too; ``?`` one character; ``[abc]`` and ``[a-c]`` one of these, ``[!abc]`` one that is
none of these. Everything else is itself. ``toolchain/sandbox/testdata/patterns.json`` holds cases for both languages.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

from poscloud.errors import Problem

CODE = "wrong-value"
EXPECTED = "expected letters, digits, . _ - / : and *, ?, [abc], [a-c], [!abc]"

_MEMBER = r"[A-Za-z0-9._/:]"
_PLAIN = re.compile(r"[A-Za-z0-9._/:*?-]")
_SET = re.compile(rf"\[!?((?:{_MEMBER}-{_MEMBER}|{_MEMBER})+)-?\]")
_RANGE = re.compile(rf"({_MEMBER})-({_MEMBER})")


def wrong(pattern: str) -> str:
    """Return what is wrong with a pattern, and what was expected; empty when nothing is."""
    if not pattern:
        return f"'' is no pattern of references; {EXPECTED}"
    if "@" in pattern:
        return (
            f"'{pattern}' names a digest; expected names and tags: images made here have digests of their own"
        )
    position = 0
    while position < len(pattern):
        if found := _SET.match(pattern, position):
            for first, last in _RANGE.findall(found[1]):
                if first > last:
                    return f"'{pattern}': nothing is in {first}-{last}; expected {last}-{first}"
            position = found.end()
        elif pattern.startswith("[", position):
            part = pattern[position:].partition("]")
            if part[0].startswith("[^"):
                return f"'{pattern}': {part[0]}{part[1]} is not known; expected [!{part[0][2:]}{part[1]}"
            return f"'{pattern}': {part[0]}{part[1]} is no set of characters; expected [abc], [a-c] or [!abc]"
        elif _PLAIN.match(pattern, position):
            position += 1
        else:
            return f"'{pattern}': {pattern[position]!r} is in no reference; {EXPECTED}"
    return ""


def fits(pattern: str, reference: str) -> bool:
    """Return whether a reference is like a pattern of which nothing is ``wrong``."""
    return fnmatchcase(reference, pattern)


def problem_at(file: Path, value: str, message: str, code: str = CODE) -> Problem:
    """Return a problem of a text in a TOML file, with its place; that of the file where it is written in parts."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    for number, line in enumerate(lines, 1):
        for quote in "\"'":
            if (column := line.find(f"{quote}{value}{quote}")) >= 0 and not line.lstrip().startswith("#"):
                return Problem(file, number, column + 1, code, message)
    return Problem(file, 0, 0, code, message)
