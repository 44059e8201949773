"""In which fields two sets of manifests mean different things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from poscloud.imports.cleartext import hidden
from poscloud.imports.normal import normal
from poscloud.render import Manifest

Id = tuple[str, str]


@dataclass(frozen=True)
class FieldDifference:
    """One field in which an object of the source and the rendered one differ.

    Attributes:
        kind: Of the object.
        name: Of the object.
        path: The field, with dots; names of list items in brackets.
        source: Its value in the source; ``None``: it has none.
        rendered: Its value in what the description renders; ``None``: it has none.
    """

    kind: str
    name: str
    path: str
    source: Any
    rendered: Any


def identity(item: Manifest) -> Id:
    """Return what an object of one namespace is known by."""
    return item["kind"], item["metadata"]["name"]


def differences(source: Manifest, rendered: Manifest) -> list[FieldDifference]:
    """Return every field that counts and differs; see ``normal`` for what does not count."""
    kind, name = identity(source)
    found = _fields(normal(source), normal(rendered), ())
    return [
        FieldDifference(kind, name, ".".join(path), hidden(path, old), hidden(path, new))
        for path, old, new in found
    ]


def by_identity(items: Iterable[Manifest]) -> dict[Id, Manifest]:
    """Return objects by kind and name."""
    return {identity(item): item for item in items}


def _fields(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        if path and path[-1] in ("containers", "initContainers") and (pair := _renamed(old, new)):
            was, now = pair
            yield (*path, was, "name"), was, now
            old, new = {**old, now: old[was]}, new
            del old[was]
        for key in dict.fromkeys([*old, *new]):
            yield from _fields(old.get(key), new.get(key), (*path, str(key)))
        return
    if old == new:
        return
    if path and path[0] == "data" and _as_yaml(old) == _as_yaml(new) != None:  # noqa: E711
        return
    yield path, old, new


def _renamed(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, str] | None:
    """Return both names of the one container that is called otherwise, so that what else differs in it is seen."""
    gone, come = [k for k in old if k not in new], [k for k in new if k not in old]
    return (gone[0], come[0]) if len(gone) == len(come) == 1 else None


def _as_yaml(text: Any) -> Any:
    """Return a map that is written as YAML; ``None`` for any other text."""
    try:
        value = yaml.safe_load(text) if isinstance(text, str) else None
    except yaml.YAMLError:
        return None
    return value if isinstance(value, dict) else None
