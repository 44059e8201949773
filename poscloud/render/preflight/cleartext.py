"""Secrets that stand in a description in clear text: everybody who may read a file or a Deployment may read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poscloud.spec.cleartext import dense_in, is_clear, is_named, secrets_in
from poscloud.spec.references import Finding, Path

CODE = "secret-in-clear"

_HOLDERS = frozenset("env config fields headers data stringData annotations".split())
"""Maps whose keys the writer chooses, so that a key's name says what its value is."""

_CHANCE = frozenset("env config fields headers stringData value".split())
"""Where a word that looks like made by chance can only be a key or a token."""

_SKIPPED = frozenset("secrets image registry images revision sha256 checksum host path".split())

_HINT = (
    "take it from a Secret: {{secret: NAME, key: KEY}} with `secrets: {{NAME: [KEY]}}`, and set its value by "
    "`poscloud secret set NAME.KEY -s {stack}`"
)


def check_cleartext(description: Any, stack: str) -> list[Finding]:
    """Return a finding for each secret in clear text, which the message does not repeat.

    Args:
        description: The environment's as plain maps and lists, with everything inherited.
        stack: Its name.
    """
    hint = _HINT.format(stack=stack)
    return [
        Finding(path, CODE, f"{_shown(path)} {why} in clear text", hint)
        for path, why in _found(description, ())
    ]


def _shown(path: Path) -> str:
    return ".".join(map(str, path)) or "it"


def _found(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield from _text(value, path)
    elif isinstance(value, dict):
        variable = _variable(value, path)
        if variable:
            yield (*path, "value"), f"is {variable}, a secret by its name,"
        for key, inner in value.items():
            if key not in _SKIPPED and not (variable and key == "value"):
                yield from _found(inner, (*path, key))
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from _found(inner, (*path, i))


def _variable(value: dict[Any, Any], path: Path) -> str:
    """Return the name of a container's variable with a secret as its value, as `overrides` writes it."""
    name, text = value.get("name"), value.get("value")
    named = "env" in path and isinstance(name, str) and isinstance(text, str)
    return str(name) if named and is_named(str(name)) and is_clear(str(text)) else ""


def _text(text: str, path: Path) -> Iterator[tuple[Path, str]]:
    if len(path) > 1 and path[-2] in _HOLDERS and is_named(str(path[-1])):
        if is_clear(text):
            yield path, "is a secret by its name, and stands there"
        return
    for what, _, _ in secrets_in(text):
        yield path, f"has {what}"
        return
    if _CHANCE & set(path[-2:]) and any(True for _ in dense_in(text)):
        yield path, "has what looks like a key or a token"
