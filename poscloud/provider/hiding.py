"""Secret values in texts for people: found in every form that something may have written them in, and hidden."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from poscloud.provider.values import Mask

SHORTEST = 4
"""Characters; hiding shorter values would hide parts of most words, and so tell what they are."""

LONGEST_CUT = 8
"""Characters of a secret's beginning or end that are hidden where a message was cut off in the middle of it."""

LONGEST_PASSWORD = 200
"""Characters; of what is longer, a file or a certificate, single words are not taken for secrets."""

HIDDEN = "[secret]"
_WORD = re.compile(r"[A-Za-z0-9]{12,}")
_CUT = re.compile(r"(…|\.\.\.)?$")
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
        for secret in sorted((s for s in self._texts if s in text), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return self._without_cut(text)

    def _without_cut(self, text: str) -> str:
        """The text without a secret's beginning at its end: what was cut off there went on with the rest of it."""
        end = _CUT.search(text)
        body, dots = (text[: end.start()], end.group()) if end else (text, "")
        last = body[-LONGEST_CUT:]
        if len(last) < LONGEST_CUT:
            return text
        for secret in self._texts:
            found = secret.rfind(last) if len(secret) > LONGEST_CUT else -1
            if found >= 0 and body.endswith(begun := secret[: found + LONGEST_CUT]):
                return f"{body[: -len(begun)]}{HIDDEN}{dots}"
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
