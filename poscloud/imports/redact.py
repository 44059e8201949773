"""Passwords in clear text among what a description would say: a placeholder is written instead of each."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from poscloud.render.preflight.cleartext import check_cleartext
from poscloud.spec.placeholder import PLACEHOLDER
from poscloud.spec.redaction import in_list, in_rule, is_password, redacted


def take_out_clear(data: dict[str, Any], notes: list[str]) -> None:
    """Replace every password in clear text by a placeholder; ``data`` is changed.

    Args:
        data: The description as a map.
        notes: Receives a line for each place.
    """
    stack = data["name"]
    data.update(copy.deepcopy(data))  # lists are the source's own, which is compared with afterwards
    why = {f.path: f.message for f in check_cleartext(data, stack) if not _names_secret(f.path)}
    for path in _replace(data, (), why):
        place = ".".join(map(str, path))
        notes.append(
            f"{place} has a secret in clear text in the source; {PLACEHOLDER} is written there: give it as a "
            f"variable {{secret: NAME, key: KEY}} with `secrets: {{NAME: [KEY]}}` and "
            f"`poscloud secret set -s {stack} NAME.KEY`, before up (docs/secrets.md)"
        )


def _names_secret(path: tuple[Any, ...]) -> bool:
    """Whether an annotation says the name of a Secret, as those of ingress controllers do."""
    return len(path) > 1 and path[-2] == "annotations" and str(path[-1]).endswith("secret")


def _replace(
    holder: Any, path: tuple[Any, ...], why: dict[tuple[Any, ...], str]
) -> Iterator[tuple[Any, ...]]:
    entries = holder.items() if isinstance(holder, dict) else enumerate(holder)
    words = in_list(holder) if isinstance(holder, list) else holder
    for step, value in list(entries):
        place = (*path, step)
        if place == ("secrets",):
            continue
        if isinstance(value, (dict, list)):
            yield from _replace(value, place, why)
            continue
        new = words[step]
        if new is value and is_password(place, value):
            new = PLACEHOLDER
        elif new is value and isinstance(value, str):
            new = redacted(value)
            if "config" in path and step == "user":
                new = in_rule(new)
            if place in why and new == value:
                new = PLACEHOLDER
        if new != value:
            holder[step] = new
            yield place
