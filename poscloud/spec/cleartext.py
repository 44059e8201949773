"""Secrets in clear text: known by the name of what holds them, or by their shape.

Few false alarms are worth more than the last find: who is warned of nothing ten times reads no eleventh warning.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

_WORDS = r"pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|(?:api|access|private|secret)[_.-]?key"

NAMED = re.compile(rf"(?:^|[_.\- ])(?:{_WORDS})$", re.IGNORECASE)
"""The name of a secret: ``DB_PASSWORD``, ``spring.redis.password``; not ``PASSWORD_FILE`` or ``TOKEN_TTL``."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_OPTION = re.compile(
    rf"(?:(?<![\w-])(?:-D|--?)[\w.\-]{{0,80}}?(?:{_WORDS})(?:=|\s{{1,9}})|[?&;][\w.\-]{{0,80}}?(?:{_WORDS})=)"
    r"(?P<secret>[^\s'\"$=,;&-][^\s'\"&;]*)",
    re.IGNORECASE,
)
"""An option of a command or an address: ``-Dspring.redis.password=…``, ``--requirepass …``, ``?password=…``."""

# Every repetition before what decides has a bound, so that no text takes more than its length in time.
_SHAPES = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY-----"),
    "a password in an address": re.compile(
        r"\b[a-z][a-z0-9+.\-]{0,20}://[^\s/:@]{0,100}:(?P<secret>[^\s/@$*<>{}]{1,200})@", re.IGNORECASE
    ),
    "an access key": re.compile(
        r"\b(?:AKIA[0-9A-Z]{16}|LTAI[A-Za-z0-9]{12,26}|AKID[A-Za-z0-9]{32}|AIza[\w-]{35})\b"
    ),
    "a token": re.compile(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|eyJ[\w-]{8,999}\.eyJ[\w-]{8,}\.[\w-]+)"
    ),
    "a registry's login": re.compile(r'"auth"\s*:\s*"(?P<secret>[A-Za-z0-9+/=]{8,})"'),
    "a password in SQL": re.compile(
        r"\bIDENTIFIED\s+(?:WITH\s+\S+\s+)?BY\s+(?:PASSWORD\s+)?'(?P<secret>[^'$]+)'", re.IGNORECASE
    ),
}

_DENSE = re.compile(r"(?<![\w+/=.:-])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/=.:-])")
_HEX = re.compile(r"[0-9a-fA-F-]+")
_BITS = 4.0
"""Bits for each character, above which a word of 24 characters and more is no word of any language."""

_CHANGES = 0.4
"""Changes for each character. By chance it is six in ten; names in camel case and paths have three."""

_NOTHING = re.compile(r"(?:|true|false|null|none|no|yes|nil|[*x]+|<[^>]*>|\d{1,2})", re.IGNORECASE)


def is_named(name: str) -> bool:
    """Whether what has this name is a secret by that."""
    return bool(NAMED.search(_CAMEL.sub("_", name)))


def is_clear(value: str) -> bool:
    """Whether a value could be a secret itself: no reference, no path, no switch, nothing left out."""
    text = value.strip()
    return not (_NOTHING.fullmatch(text) or "${" in text or "$(" in text or text.startswith(("/", "file:")))


def secrets_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield what looks like a secret in ``text`` by its shape: what it is, its begin and its end."""
    for what, pattern in _SHAPES.items():
        for found in pattern.finditer(text):
            yield (what, *found.span("secret" if "secret" in pattern.groupindex else 0))
    for found in _OPTION.finditer(text):
        if is_clear(found["secret"]):
            yield ("a password in an option", *found.span("secret"))


def dense_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of words that look like made by chance: keys and tokens of no known shape."""
    for found in _DENSE.finditer(text):
        word = found[0]
        if not _HEX.fullmatch(word) and _changes(word) >= _CHANGES * len(word) and _entropy(word) >= _BITS:
            yield found.span()


def _changes(word: str) -> int:
    """Return how often small letters, capitals, digits and other characters take turns."""
    kinds = ["a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "/" for c in word]
    if not {"a", "A", "0"} <= set(kinds) or kinds.count("/") > len(word) // 12:
        return 0
    return sum(one != other for one, other in pairwise(kinds))


def _entropy(word: str) -> float:
    """Return the bits for each character of ``word``."""
    counts = Counter(word).values()
    return -sum(n / len(word) * math.log2(n / len(word)) for n in counts)
