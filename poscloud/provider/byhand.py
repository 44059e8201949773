"""Fields that somebody changed by hand through poscloud: they have a field manager of their own.

An update leaves them as they are unless it changes them itself, and a refresh takes them for what is described. Who
changed what, why and until when, is the engine's (docs/drift.md); here only the field manager counts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from poscloud.provider.diff import Path, get, path_text
from poscloud.provider.items import Item, step_of
from poscloud.provider.rest import ApiError

Object = dict[str, Any]

MANAGER = "poscloud-manual"


def held(live: Object) -> list[Path]:
    """The fields of a live object that were changed by hand; an item of a list that was added so is one."""
    entries = get(live, "metadata", "managedFields", default=[])
    return [
        path
        for entry in entries
        if entry.get("manager") == MANAGER and not entry.get("subresource")
        for path in _leaves(entry.get("fieldsV1") or {}, ())
    ]


def kept(live: Object, before: Object, after: Object) -> list[Path]:
    """Those of them that the program sets, and an update does not change.

    Args:
        live: The object as it is.
        before: The inputs of the last run.
        after: The inputs of this one.
    """
    stated = ((path, get(after, *path)) for path in held(live))
    return [path for path, value in stated if value is not None and value == get(before, *path)]


def as_described(live: Object, inputs: Object) -> Object:
    """The live object as it would be without what was changed by hand."""
    return with_values(live, inputs, held(live)) if inputs else live


def with_values(obj: Object, values: Object, paths: Iterable[Path]) -> Object:
    """A copy of an object with these of its fields as ``values`` has them; those it does not have are not added."""
    result = copy.deepcopy(obj)
    for *parents, last in paths:
        holder, value = get(result, *parents), copy.deepcopy(get(values, *parents, last))
        if isinstance(holder, list) and isinstance(last, Item):
            kept = [] if value is None else [value]
            where = next((i for i, item in enumerate(holder) if last.is_of(item)), None)
            if where is not None:
                holder[where : where + 1] = kept
        elif isinstance(holder, dict) and last in holder:
            if value is None:
                del holder[last]
            else:
                holder[last] = value
    return result


def only_by_hand(error: ApiError) -> bool:
    """Whether an apply conflicts with nothing but what was changed by hand through poscloud."""
    owners = [str(cause.get("message", "")).split('"')[1::2][:1] for cause in error.causes]
    return error.status == 409 and bool(owners) and all(owner == [MANAGER] for owner in owners)


def told(live: Object) -> str:
    """What an update says that takes such fields back."""
    return f"takes back what was changed by hand: {', '.join(path_text(path) for path in held(live))}"


def _leaves(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    for name, below in fields.items():
        step = step_of(name)
        if not step:
            continue
        here = (*path, step)
        # Who has the mark of an item itself, has added it.
        whole = isinstance(step, Item) and (not below or "." in below)
        if not whole and any(map(step_of, below)):
            yield from _leaves(below, here)
        else:
            yield here
