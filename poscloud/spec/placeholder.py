"""What stands in a description instead of a value that somebody has to give again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poscloud.spec.references import Finding, Path

PLACEHOLDER = "CHANGE-ME"
"""What ``poscloud import`` writes instead of a password in clear text."""

CODE = "placeholder"


def check_placeholders(description: Any, stack: str) -> list[Finding]:
    """Return a finding for each text that still holds the placeholder, which ``up`` would write to the cluster.

    Args:
        description: The environment's as plain maps and lists, with everything inherited.
        stack: Its name.
    """
    message = (
        f"{PLACEHOLDER} still stands here, where `poscloud import` left out a password; up would write it"
    )
    hint = (
        "take the value from a Secret: {secret: NAME, key: KEY} with `secrets: {NAME: [KEY]}`, and set it by "
        f"`poscloud secret set NAME.KEY -s {stack}`; what is no password is written out"
    )
    return [Finding(path, CODE, message, hint) for path in _places(description, ())]


def _places(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, str):
        if PLACEHOLDER in value:
            yield path
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _places(below, (*path, key))
    elif isinstance(value, list):
        for i, below in enumerate(value):
            yield from _places(below, (*path, i))
