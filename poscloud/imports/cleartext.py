"""Passwords that a source has in clear text: they go into Secrets of the environment, and their values nowhere."""

from __future__ import annotations

import re
from typing import Any

from poscloud.load.excerpt import masked
from poscloud.spec.cleartext import is_clear, is_named
from poscloud.spec.redaction import in_list, redacted

HIDDEN = "(value)"
"""What is shown instead."""

_NAME = re.compile(
    r"passw|passwd|passphrase|pwd$|secret|token|credential|access_?key|api_?key|private_?key", re.IGNORECASE
)
_NO_VALUE = re.compile(r"|/\S*|\$\S*|https?://[^@\s]*|true|false|[0-9]{1,5}", re.IGNORECASE)
"""What is no password behind such a name: nothing, a path, a reference, an address, a switch, a number of seconds."""
_CONTENT = frozenset({"data", "binaryData", "stringData"})
_NAMES = frozenset({"secretName"})
"""Fields that hold the name of a Secret."""
_IN_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@")


def is_secret(name: str, value: Any) -> bool:
    """Whether a variable holds a password or a key as text."""
    if not isinstance(value, str) or _NO_VALUE.fullmatch(value):
        return False
    return bool((_NAME.search(name) and name not in _NAMES) or _IN_ADDRESS.search(value))


def take_out(part: str, env: dict[str, Any], secrets: dict[str, list[str]], notes: list[str]) -> None:
    """Replace passwords among variables by keys of a Secret; ``env`` and ``secrets`` are changed.

    Args:
        part: The service.
        env: Its variables.
        secrets: The environment's Secrets: name → keys.
        notes: Receives a line for each.
    """
    for name, value in env.items():
        if is_secret(name, value):
            secret = f"{part}-env"
            env[name] = {"secret": secret, "key": name}
            if name not in secrets.setdefault(secret, []):
                secrets[secret].append(name)
            notes.append(
                f"services.{part}.env.{name} is in clear text in the source; it comes from Secret {secret} now"
            )


def hidden(path: tuple[str, ...], value: Any) -> Any:
    """Return what may be shown of the value at a path of a manifest: of files' content nothing at all."""
    if value is None:
        return None
    if path and path[0] in _CONTENT:
        return HIDDEN
    return _shown(path[-1] if path else "", path[-2] if len(path) > 1 else "", value)


def _shown(key: str, above: str, value: Any) -> Any:
    """Return a value without passwords.

    Args:
        key: What it is called.
        above: What holds it: the variable's name, where ``key`` is ``value``.
        value: The value.
    """
    if isinstance(value, dict):
        name = value.get("name") if isinstance(value.get("name"), str) else key
        return {k: _shown(str(k), str(name), v) for k, v in value.items()}
    if isinstance(value, list):
        return [_shown("", key, v) for v in in_list(value, HIDDEN)]
    if not isinstance(value, str):
        return value
    names = (above, key) if key == "value" else (key,)
    if any(is_secret(n, value) or (is_named(n) and is_clear(value) and n not in _NAMES) for n in names):
        return HIDDEN
    return masked(redacted(value, HIDDEN))
