"""Passwords that a source has in clear text: they go into Secrets of the environment, and their values nowhere."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "(value)"
"""What is shown instead."""

_NAME = re.compile(
    r"passw|passwd|passphrase|pwd$|secret|token|credential|access_?key|api_?key|private_?key", re.IGNORECASE
)
_NO_VALUE = re.compile(r"|/\S*|\$\S*|https?://[^@\s]*|true|false|[0-9]{1,5}", re.IGNORECASE)
"""What is no password behind such a name: nothing, a path, a reference, an address, a switch, a number of seconds."""
_IN_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@")


def is_secret(name: str, value: Any) -> bool:
    """Whether a variable holds a password or a key as text."""
    if not isinstance(value, str) or _NO_VALUE.fullmatch(value):
        return False
    return bool(_NAME.search(name) or _IN_ADDRESS.search(value))


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
    """Return what may be shown of the value at a path of a manifest."""
    if "env" not in path:
        return value
    at = path.index("env") + 1
    if at == len(path):
        return {k: hidden((*path, k), v) for k, v in value.items()} if isinstance(value, dict) else value
    if isinstance(value, dict):
        return {k: hidden((*path, k), v) for k, v in value.items()}
    return HIDDEN if path[-1] == "value" and is_secret(path[at], value) else value
