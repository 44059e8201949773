"""What YAML's own parser finds, in words for somebody who does not know its grammar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_INDENTED = frozenset({"did not find expected key", "did not find expected '-' indicator"})
_TOO_MANY_COLONS = "mapping values are not allowed in this context"
_NO_TOKEN = "found character that cannot start any token"

_TAB = re.compile(r"\s*\t")
_CONFLICT = re.compile(r"(<{7}|={7}|>{7})( |$)")
_SECOND_COLON = re.compile(r"\s*(?:- )?[^\s:#'\"]+:\s+[^\s'\"#].*:(\s|$)")
_WIDE_COLON = "："
_QUOTES = "a value with ' ', ': ', ', ' or brackets in it stands in quotes; in '…' a ' is written twice"


@dataclass(frozen=True)
class Told:
    """A mistake in words.

    Attributes:
        line: Where it is, from 1.
        column: Where in the line, from 1.
        message: What is wrong.
        hint: What to do; empty where the message says it.
    """

    line: int
    column: int
    message: str
    hint: str = ""


def told(problem: str, lines: Sequence[str], line: int, column: int) -> Told:
    """Return what the parser says of a place in words, at the place where the mistake is.

    Args:
        problem: What it says.
        lines: The file's lines.
        line: Where it stopped, from 1.
        column: Where in the line, from 1.
    """
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    if _TAB.match(here):
        return Told(line, column, problem, "indent with spaces; YAML does not allow tabs")
    if any(_CONFLICT.match(each) for each in lines):
        return Told(line, column, problem, "the file has an unresolved merge conflict")
    if problem in _INDENTED and column - 1 == _indent(here):
        return _indented(problem, lines, line, column)
    if problem == _TOO_MANY_COLONS:
        return _colon(problem, lines, line, column)
    if problem == _NO_TOKEN and 0 < column <= len(here):
        message = f"a value may not begin with '{here[column - 1]}'"
        return Told(line, column, message, "put the value in quotes")
    if problem.startswith("did not find expected"):
        return Told(line, column, problem, _QUOTES)
    return Told(line, column, problem)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _indented(problem: str, lines: Sequence[str], line: int, column: int) -> Told:
    """Return that a line is indented like none of those it could belong to."""
    own, open_at = column - 1, [10**6]
    for each in reversed(lines[: line - 1]):
        if each.strip() and not each.lstrip().startswith("#") and _indent(each) < open_at[-1]:
            open_at.append(_indent(each))
    near = [
        max((i for i in open_at if i < own), default=None),
        min((i for i in open_at[1:] if i > own), default=None),
    ]
    wanted = " or ".join(str(i) for i in near if i is not None)
    if own in open_at or not wanted:
        # The depth is right; a value that is not closed, or a word without its colon, stands before it.
        return Told(line, column, problem, f"look at the line above too; {_QUOTES}")
    return Told(
        line, column, f"indented by {own}; the lines above it are by {wanted}", f"indent it by {wanted}"
    )


def _colon(problem: str, lines: Sequence[str], line: int, column: int) -> Told:
    from poscloud.load import excerpt  # only wrong files need it

    here, above = lines[line - 1], line - 2
    while above >= 0 and (not lines[above].strip() or lines[above].lstrip().startswith("#")):
        above -= 1
    before = lines[above] if above >= 0 else ""
    for number, text in ((line, here), (above + 1, before)):
        if _WIDE_COLON in text:
            message = f"'{_WIDE_COLON}' (U+FF1A) is not the ':' of YAML"
            return Told(number, text.index(_WIDE_COLON) + 1, message, "write ':'")
    if _SECOND_COLON.match(here) and column > _indent(here) + 1:
        return Told(line, column, "a second ': ' in one line", "put the value in quotes")
    if before and ":" not in before:
        if not excerpt.is_open(list(lines), above):
            return Told(above + 1, _indent(before) + 1, "there is no ':' in this line", _QUOTES)
        word = before.strip().removeprefix("- ").split()[0]  # what stands behind it may be a password
        return Told(above + 1, _indent(before) + 1, f"there is no ':' behind '{word}'", f"write `{word}:`")
    return Told(line, column, problem, _QUOTES)
