"""The address of the state backend, and how it is shown: never with a password."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from poscloud.local.paths import ProjectPaths

HIDDEN = "[secret]"
_SECRET_PARAMETER = re.compile(r"pass|secret|token|credential|sas|key", re.IGNORECASE)


def backend_url(paths: ProjectPaths, environment: Mapping[str, str] | None = None) -> str:
    """Return what the engine takes for ``PULUMI_BACKEND_URL``: the user's, else the embedded state."""
    given = (os.environ if environment is None else environment).get("PULUMI_BACKEND_URL")
    return given or paths.state_url


def state_folder(paths: ProjectPaths, url: str) -> Path | None:
    """Return the folder of a ``file://`` backend, read as the engine reads it; ``None`` for any other."""
    if not url.startswith("file://"):
        return None
    path = Path(unquote(url.removeprefix("file://").partition("?")[0])).expanduser()
    return path if path.is_absolute() else paths.root / path


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
