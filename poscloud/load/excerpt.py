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

_SECRET = "secret-in-clear"

_KEY = re.compile(r"""(?P<key>[\w.\-]{1,80})["'\]]{0,2}\s{0,9}[:=]\s{0,99}""")
_NAME = re.compile(r"""\bname["']?\s{0,9}[:=]\s{0,9}["']?(?P<key>[\w.\-]{1,80})""")
"""A container's variable says its name beside its value."""

_FIELDS = frozenset({"secret", "pull_secret", "pull-secret"})
"""Fields that hold the name of a Secret."""

_QUOTED = re.compile(r""""(?:\\.|[^"\\])*"|'(?:''|[^'\\])*'""")
_FLOW = re.compile(r"(?:\$\{[^}]*\}|[^,{}\[\]])+")
_OPTION = re.compile(r"[^\s&;]+")
_MAP = re.compile(r"""\{\s{0,9}["']?[\w.\-]{1,80}["']?\s{0,9}:""")
_BEGIN = re.compile(r"""\s*(?:-\s+)*(?:export\s+)?["']?""")
_NEXT = re.compile(
    r"""\s*,?\s*$|\s+\#|\s*[\])}]+\s*(?:,|\#|$)|\s*,\s+["']?[\w.\-/]{1,80}["']?\s{0,9}[:=]""", re.VERBOSE
)
"""What may follow behind a whole value; before anything else the value goes on."""

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
    start = place - left
    text = masked(whole[left : place + AROUND], beside="\n".join(lines[max(number - 2, 0) : number + 1]))
    if problem.code == _SECRET:
        text = _hidden(text, start if number == problem.line else 0)
    elif _goes_on(lines, number - 1):
        text = _hidden(text, max(0, len(whole) - len(whole.lstrip()) - left))
    token = _TOKEN.match(text, start)
    end = token.end() if token else start + 1
    first = max(0, min(start - WIDTH // 2, len(text) - WIDTH)) if len(text) > WIDTH else 0
    cut = ("…" if first else "") + text[first : first + WIDTH] + ("…" if first + WIDTH < len(text) else "")
    shift = 1 if first else 0
    indent = _columns(text[first:start]) + shift
    wide = min(_columns(text[start:end]), WIDTH - (start - first))
    return Excerpt(number, cut.rstrip(), indent, max(1, wide))


def is_open(lines: list[str], index: int) -> bool:
    """Return whether nothing in a line of a file may be a secret.

    Args:
        lines: The file's lines.
        index: Which of them, from 0.
    """
    beside = "\n".join(lines[max(index - 1, 0) : index + 2])
    return not _goes_on(lines, index) and masked(lines[index], beside=beside) == lines[index]


def masked(line: str, beside: str = "") -> str:
    """Return a line with ``*`` in place of what may be a secret, by its name or by its shape.

    Args:
        line: The line.
        beside: The lines around it, where the name of a variable may stand whose value is in the line.
    """
    found = list(line)
    for begin, end in _secret_spans(line, beside):
        found[begin:end] = "*" * (end - begin)
    return "".join(found)


def _hidden(text: str, start: int) -> str:
    """Return a line with ``*`` in place of the value at ``start``; without a clear end, of all behind it."""
    begin, end = _value(text, start, len(text))
    return text[:begin] + "*" * (end - begin) + text[end:]


def _value(line: str, start: int, end: int) -> tuple[int, int]:
    """Return begin and end of the value at ``start``: of what is in its quotes, else up to ``end``."""
    quoted = _QUOTED.match(line, start)
    if quoted and _NEXT.match(line, quoted.end()):
        return quoted.start() + 1, quoted.end() - 1
    return start, end


def _secret_spans(line: str, beside: str) -> Iterator[tuple[int, int]]:
    variable = any(_is_secret(found["key"]) for found in _NAME.finditer(beside or line))
    for match in _KEY.finditer(line):
        if _is_secret(match["key"]) or (variable and match["key"] == "value"):
            if _MAP.match(line, match.end()):
                continue
            begin, end = _value(line, match.end(), _end(line, match))
            if is_clear(line[begin:end]) or is_clear(re.split(r"[\s,]", line[begin:end], maxsplit=1)[0]):
                yield begin, end
                if end == len(line):
                    break
    yield from ((begin, end) for _, begin, end in secrets_in(line))
    yield from dense_in(line)


def _is_secret(key: str) -> bool:
    return key.lower() not in _FIELDS and is_named(key)


def _end(line: str, key: re.Match[str]) -> int:
    """Return where the value of a key ends, which is not in quotes; in doubt, the end of the line."""
    before = line[: key.start()]
    if "=" in line[key.end("key") : key.end()] and not _BEGIN.fullmatch(before):
        option = _OPTION.match(line, key.end())
        return option.end() if option else len(line)
    if sum(map(before.count, "{[(")) > sum(map(before.count, "}])")):
        flow = _FLOW.match(line, key.end())
        if flow and _NEXT.match(line, flow.end()):
            return flow.end()
    return len(line)


def _goes_on(lines: list[str], index: int) -> bool:
    """Whether a line is the value, or more of it, of a key in a line above that is a secret's by its name."""
    line = lines[index]
    depth = len(line) - len(line.lstrip())
    for above in reversed(lines[:index]):
        if above.strip() and len(above) - len(above.lstrip()) < depth:
            begin = _BEGIN.match(above)
            key = _KEY.match(above, begin.end() if begin else 0)
            own = _KEY.match(line, depth)
            return bool(key and _is_secret(key["key"]) and not (own and own["key"] in ("secret", "key")))
    return False


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text if not unicodedata.combining(c)
    )
