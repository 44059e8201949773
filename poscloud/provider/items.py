"""Steps to items of lists that have keys, as the API server's field managers see them: ``[name=web]``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class Item(str):
    """The step to an item of a list, ``[name=web]``."""

    __slots__ = ()

    @property
    def key(self) -> dict[str, str]:
        """What tells the item from others, as text; empty where the step is no key."""
        pairs = (pair.partition("=") for pair in self[1:-1].split(","))
        return {name: value for name, found, value in pairs if found}

    def is_of(self, item: Any) -> bool:
        """Whether an item of a list is the one that is meant."""
        return (
            isinstance(item, dict)
            and bool(self.key)
            and all(str(item.get(name)) == value for name, value in self.key.items())
        )


def item_step(key: Mapping[str, Any]) -> Item:
    """Return the step to the item with a key."""
    return Item(f"[{','.join(f'{name}={value}' for name, value in key.items())}]")


def step_of(name: str) -> str:
    """Return a name in ``fieldsV1`` as a step; empty for the mark of the thing itself."""
    sort, _, rest = name.partition(":")
    if sort == "f":
        return rest
    if sort == "k":
        return item_step(json.loads(rest))
    return Item(f"[{json.loads(rest)}]") if sort == "v" else ""


def as_step(text: str) -> str:
    """Return a step that was kept as text; no key of an object begins with a bracket."""
    return Item(text) if text.startswith("[") else text
