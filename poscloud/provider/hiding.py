"""Secret values in texts for people: found in every form that something may have written them in, and hidden."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from poscloud.provider.values import Mask

SHORTEST = 4
"""Characters; hiding shorter values would hide parts of most words, and so tell what they are."""

SHORTEST_CUT = 8
"""Characters of a secret's beginning that are hidden where it was cut off; fewer are the beginning of other words."""

LONGEST_PASSWORD = 200
"""Characters; of what is longer, a file or a certificate, single words are not taken for secrets."""

HIDDEN = "[secret]"
_WORD = re.compile(r"[A-Za-z0-9]{12,}")
_CUT = re.compile(r"$|…|\.\.\.|[\"'`:]")
"""What follows where a message was cut off, or goes on after a value that was: Go and servers write it so."""
_TELLING = re.compile(r"pass|auth|token|secret|key|credential", re.IGNORECASE)


def telling(name: str) -> bool:
    """Whether something of that name is likely secret."""
    return bool(_TELLING.search(name))


class Secrets:
    """Remembers every secret value this process has seen, and hides them in text for people."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def learn(self, value: Any, mask: Mask = True) -> None:
        """Remember the secret values of an object; without a mask, all of it is secret."""
        if not mask:
            return
        if isinstance(mask, dict) and isinstance(value, dict):
            for key, below in mask.items():
                self.learn(value.get(key), below)
            return
        for text in _leaves(value):
            for plain in dict.fromkeys((text, _decoded(text))):
                self._texts.update(form for form in _forms(plain) if len(form) >= SHORTEST)

    def hide(self, text: str) -> str:
        """The text with every known secret value replaced by ``[secret]``."""
        known = sorted(self._texts, key=len, reverse=True)
        for secret in known:
            text = text.replace(secret, HIDDEN)
        for secret in known:
            if len(secret) > SHORTEST_CUT and secret[:SHORTEST_CUT] in text:
                text = _without_cut(text, secret)
        return text


def _without_cut(text: str, secret: str) -> str:
    """The text without what is left of a secret that was cut off in the middle."""
    begin, at = secret[:SHORTEST_CUT], 0
    while (at := text.find(begin, at)) >= 0:
        differing = (i for i, (here, its) in enumerate(zip(text[at:], secret, strict=False)) if here != its)
        end = at + next(differing, min(len(text) - at, len(secret)))
        if _CUT.match(text, end):
            text = f"{text[:at]}{HIDDEN}{text[end:]}"
        at += 1
    return text


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value).encode(errors="replace").decode()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _forms(plain: str) -> Iterator[str]:
    """The ways in which a value may be written: as it is, escaped, encoded; and its parts, if it has any."""
    yield plain
    yield from _escaped(plain)
    yield from (quote(plain, safe=""), quote(plain), quote_plus(plain), plain.encode().hex())
    yield from _base64(plain.encode())
    for word in _WORD.findall(plain) if len(plain) <= LONGEST_PASSWORD else ():
        yield word  # whatever an unknown language makes of what is around it
        yield from _base64(word.encode())
    if len(lines := plain.splitlines()) > 1:
        for line in (whole.strip() for whole in lines):
            yield line
            yield from _escaped(line)
    for part in _parts(plain):
        yield from _forms(part)


def _escaped(plain: str) -> Iterator[str]:
    """In a string of JSON, as Go, Python and a JSON in a JSON have it; in one of YAML or SQL."""
    for ascii_only in (True, False):
        once = json.dumps(plain, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
        for sign in "<>&":
            once = once.replace(sign, f"\\u{ord(sign):04x}")
        yield once
    yield plain.replace("'", "''")


def _base64(data: bytes) -> Iterator[str]:
    """Base64, also as a part of something longer: three ways, by how many bytes come before it."""
    yield base64.b64encode(data).decode()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + data).decode()
        yield (inner := coded[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6])
        yield inner.replace("+", "-").replace("/", "_")


def _parts(plain: str) -> Iterator[str]:
    """The secrets inside a JSON, such as a registry's credentials: what telling names lead to."""
    try:
        yield from list(_told(json.loads(plain)))
    except (ValueError, RecursionError):
        return


def _told(value: Any, *, secret: bool = False) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _told(below, secret=telling(key) and not isinstance(below, dict))
    elif isinstance(value, list):
        for below in value:
            yield from _told(below, secret=secret)
    elif secret and isinstance(value, str):
        yield value
        yield _decoded(value)
        yield _decoded(value).partition(":")[2]
