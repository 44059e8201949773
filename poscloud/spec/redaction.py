"""Passwords in texts of any kind: what looks like one is taken out, and the rest is left as it is."""

from __future__ import annotations

import re
from typing import Any

from poscloud.spec.cleartext import is_clear, is_named, secrets_in
from poscloud.spec.placeholder import PLACEHOLDER

_WORDS = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|(?:api|access|private|secret)[_.-]?key"
    r"|requirepass|masterauth)"
)
_OPTION = re.compile(rf"-{{1,2}}[\w.\-]{{0,80}}?{_WORDS}", re.IGNORECASE)
"""An option whose value is the next word of a command."""
_QUOTED = r"\"(?:[^\"\\]|\\.)+\"|'(?:[^'\\]|''|\\.)+'|\"[^\"]+\"|'[^']+'"
"""With what is escaped in it; a backslash that escapes nothing may be a value's last character."""
_BEGIN = r"(?:^|(?<=[^\w])|(?<=[_.\-])|(?-i:(?<=[a-z0-9])(?=[A-Z])))"
_IN_TEXT = (
    re.compile(
        rf"{_BEGIN}{_WORDS}[\"']?\s{{0,9}}[=:]\s{{0,9}}(?P<secret>{_QUOTED}|[^\s\"']+)", re.IGNORECASE
    ),
    # in a JSON that stands in a string
    re.compile(
        rf"{_BEGIN}{_WORDS}\\{{1,3}}[\"']\s{{0,9}}[=:]\s{{0,9}}\\{{1,3}}[\"'](?P<secret>[^\s\"'\\]+)",
        re.IGNORECASE,
    ),
    re.compile(rf"(?<!\S){_OPTION.pattern}\s{{1,9}}(?P<secret>{_QUOTED}|[^\s\"'-]\S*)", re.IGNORECASE),
    # up to the last @ before the host: some write one in a password as it is
    re.compile(
        r"\b[a-z][a-z0-9+.\-]{0,20}://[^\s/:@]{0,100}:(?P<secret>[^\s/@]{1,200}(?:@[^\s/@\"',;]{1,200}){0,4})@",
        re.IGNORECASE,
    ),
    re.compile(
        r"\bIDENTIFIED\s+(?:WITH\s+\S+\s+)?(?:BY|AS)\s+(?:PASSWORD\s+)?"
        r"(?P<secret>'(?:[^'\\]|''|\\.)+'|\"(?:[^\"\\]|\\.)+\")",
        re.IGNORECASE,
    ),
    re.compile(r"\bPASSWORD\s*\(\s*(?P<secret>'(?:[^'\\]|''|\\.)+'|\"[^\"]+\")", re.IGNORECASE),
    re.compile(r"\b(?:Basic|Bearer)\s+(?P<secret>[\w+/=.\-]{8,})"),
)
_SETTING = re.compile(r"(?:requirepass|masterauth|encrypt|authorization|auth)$", re.IGNORECASE)
"""Settings that are passwords, though their names do not end like other passwords' names."""
_BELOW = frozenset({"tokens"})
"""Settings in which everything is one."""
_HOLDERS = frozenset({"config", "filebeat"})
_REFERENCE = frozenset({"secret", "key"})
"""What a reference to a Secret's key says."""
_ACL = re.compile(r"(?<!\S)[>#](?P<secret>\S+)")
"""A user's password in a rule of Redis."""


def redacted(text: str, by: str = PLACEHOLDER) -> str:
    """Return a text with ``by`` in place of each password in it."""
    found = list(secrets_in(text))
    if any(what == "a private key" for what, _, _ in found):
        return by
    spans = [(begin, end) for _, begin, end in found]
    for pattern in _IN_TEXT:
        for match in pattern.finditer(text):
            secret = match["secret"]
            if is_clear(secret.strip("\"'")) and not secret.strip("\"'").startswith("$"):
                spans.append(match.span("secret"))
    return _replaced(text, spans, by)


def _replaced(text: str, spans: list[tuple[int, int]], by: str) -> str:
    """Return a text without what is in ``spans``, which may lie over each other; quotes around them stay."""
    parts, at = [], 0
    for begin, end in sorted(spans):
        if begin < at:
            at = max(at, end)
            continue
        quote = text[begin] if text[begin] in "\"'" and text[begin] == text[end - 1] else ""
        parts += [text[at:begin], quote, by, quote]
        at = end
    return "".join([*parts, text[at:]])


def in_list(items: list[Any], by: str = PLACEHOLDER) -> list[Any]:
    """Return the words of a command with ``by`` in place of those that follow a password's option."""
    return [
        by if n and isinstance(item, str) and _is_value(items[n - 1], item) else item
        for n, item in enumerate(items)
    ]


def _is_value(option: Any, word: str) -> bool:
    return (
        isinstance(option, str)
        and bool(_OPTION.fullmatch(option))
        and is_clear(word)
        and not word.startswith(("$", "--"))
    )


def in_rule(text: str, by: str = PLACEHOLDER) -> str:
    """Return a rule of Redis for a user with ``by`` in place of the passwords."""
    return _ACL.sub(lambda m: m[0][0] + by, text)


def is_password(path: tuple[Any, ...], value: Any) -> bool:
    """Whether a setting of a server's ``config`` or of the sidecar is a password by its name."""
    holder = next((i for i, step in enumerate(path) if step in _HOLDERS), None)
    if (
        holder is None
        or path[-1] in _REFERENCE
        or isinstance(value, bool)
        or not isinstance(value, (str, int))
    ):
        return False
    keys = [str(step) for step in path[holder + 1 :]]
    named = bool(keys) and (is_named(keys[-1]) or bool(_SETTING.search(keys[-1])))
    return (named or bool(_BELOW & set(keys[:-1]))) and is_clear(str(value))
