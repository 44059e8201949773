"""Addresses of stores as they are shown: never with a password."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

HIDDEN = "[secret]"
_SECRET_PARAMETER = re.compile(r"pass|secret|token|credential|sas|key", re.IGNORECASE)


def shown(url: str) -> str:
    """Return an address without its passwords: ``postgres://pulumi:[secret]@db:5432/state``."""
    return scrubbed(url, url)


def scrubbed(text: str, url: str) -> str:
    """Return ``text`` without the passwords that stand in the address ``url``, as they are there or decoded."""
    try:
        parts = urlsplit(url)
        given = [value for name, value in parse_qsl(parts.query) if _SECRET_PARAMETER.search(name)]
        secret = _password(parts.netloc)
    except ValueError:
        return text.replace(url, HIDDEN)  # nobody knows which part of it is secret
    if secret:
        text = text.replace(f":{secret}@", f":{HIDDEN}@")
    for word in {secret, unquote(secret), *given} - {""}:
        text = text.replace(word, HIDDEN)
    return text


def _password(netloc: str) -> str:
    return netloc.rpartition("@")[0].partition(":")[2]
