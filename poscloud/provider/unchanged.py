"""Conflicts about nothing: fields that another manager owns, and that an apply would leave as they are.

The API server compares what two managers have said, not what it keeps of it. A Service's
``publishNotReadyAddresses: false`` is dropped when it is stored; whoever says the same again then conflicts with the
one who said it first, over a field that the object does not have. Whether a field changes, the server itself is asked.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from poscloud.provider.diff import Path, get
from poscloud.provider.items import Item
from poscloud.provider.rest import ApiError

Object = dict[str, Any]


def in_conflict(error: ApiError, inputs: Object) -> list[Path]:
    """Return the fields of ``inputs`` that an apply conflicts about; empty where one of them is not known.

    Args:
        error: What the API server said.
        inputs: What was applied.
    """
    if error.status != 409:
        return []
    found = [path_in(inputs, str(cause.get("field", ""))) for cause in error.causes]
    return [path for path in found if path] if all(found) else []


def are_same(live: Object, forced: Object, paths: Sequence[Path]) -> bool:
    """Whether an object would keep these fields as they are.

    Args:
        live: The object as it is.
        forced: What it would be if the conflicts were overridden.
        paths: The fields.
    """
    return all(get(live, *path) == get(forced, *path) for path in paths)


def without_fields(inputs: Object, paths: Sequence[Path]) -> Object:
    """Return the inputs without these fields, so that their owner keeps them."""
    result = copy.deepcopy(inputs)
    for *parents, last in paths:
        holder = get(result, *parents)
        if isinstance(holder, dict):
            holder.pop(last, None)
    return result


def path_in(obj: Any, text: str) -> Path | None:
    """Return the path that the API server writes as ``.spec.ports[port=80,protocol="TCP"].name``.

    Keys may have dots in them, so that only the object tells where one ends; ``None`` where it has no such field.
    """
    if not text:
        return ()
    if isinstance(obj, dict) and text.startswith("."):
        keys = sorted((key for key in obj if text[1:].startswith(key)), key=len, reverse=True)
        for key in keys:
            rest = text[1 + len(key) :]
            if rest[:1] in ("", ".", "[") and (below := path_in(obj[key], rest)) is not None:
                return (key, *below)
    if isinstance(obj, list) and text.startswith("["):
        inside, _, rest = text[1:].partition("]")
        step = Item(f"[{inside.replace(chr(34), '')}]")
        item = next((item for item in obj if step.is_of(item)), None)
        if item is not None and (below := path_in(item, rest)) is not None:
            return (step, *below)
    return None
