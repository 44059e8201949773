"""Objects as trees of maps: lists whose items have keys become maps, as the API server's field managers see them.

Which keys a list has, ``metadata.managedFields`` says: the server's own knowledge, for every kind there is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from poscloud.provider.diff import get, merge_owned, path_text
from poscloud.provider.items import Item, item_step

Object = dict[str, Any]
Steps = tuple[str, ...]

MISSING: Any = object()


def entries(live: Object) -> list[Object]:
    """Return the managedFields of a live object."""
    found: list[Object] = get(live, "metadata", "managedFields", default=[])
    return found


def owned(found: Iterable[Object]) -> Object:
    """Return the fields of some entries of managedFields as one ``fieldsV1``."""
    fields: Object = {}
    for entry in found:
        fields = merge_owned(fields, entry.get("fieldsV1") or {})
    return fields


def keyed(value: Any, fields: Object) -> Any:
    """Return a value with its keyed lists as maps.

    Args:
        value: An object, or what is somewhere in it.
        fields: What managers own of it, as ``fieldsV1``; a list it says nothing of stays a list.
    """
    if isinstance(value, dict):
        return {key: keyed(item, fields.get(f"f:{key}") or {}) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if any(name.startswith("v:") for name in fields):
        return {Item(f"[{item}]"): item for item in value}
    keys = [(json.loads(name[2:]), below) for name, below in fields.items() if name.startswith("k:")]
    if not keys or not all(isinstance(item, dict) for item in value):
        return value
    return {step: keyed(item, below) for item in value for step, below in [_found(item, keys)]}


def at(value: Any, steps: Steps) -> Any:
    """Return what is at some steps of a keyed object; ``MISSING`` when there is nothing."""
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            return MISSING
        value = value[step]
    return value


def text(steps: Steps) -> str:
    """Return steps as a person writes them: ``spec.containers[name=web].image``."""
    return "".join(_written(steps)).removeprefix(".")


def _written(steps: Steps) -> Iterator[str]:
    for step in steps:
        plain = path_text((step,))
        yield step if isinstance(step, Item) else plain if plain.startswith("[") else f".{plain}"


def _found(item: Object, keys: list[tuple[Object, Object]]) -> tuple[Item, Object]:
    """Return the step to an item, and what is owned of it; what it leaves out of its key is a default."""
    for key, below in keys:
        if all(item.get(name, value) == value for name, value in key.items()):
            return item_step(key), below
    return item_step({name: item.get(name) for name in keys[0][0]}), {}


def unkeyed(value: Any) -> Any:
    """Return a keyed value as the API has it."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, Item) for key in value):
        return [unkeyed(item) for item in value.values()]
    return {key: unkeyed(item) for key, item in value.items()}
