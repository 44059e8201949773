"""Where two sanitised objects differ; items of a list that have names are compared by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from poscloud.engine.mergerequest.changes import FieldChange, Happens
from poscloud.engine.mergerequest.sanitize import is_hashed
from poscloud.provider.diff import path_text


@dataclass(frozen=True)
class Named:
    """The place of an item that is known by its name, in the way a list position is one."""

    name: str


Path = tuple[str | int | Named, ...]


@dataclass(frozen=True)
class Difference:
    """One leaf that differs.

    Attributes:
        path: Keys, list positions and names from the root.
        old: The value before; ``None`` when there was none.
        new: The value after; ``None`` when there is none.
        reordered: Whether it is a list with the same names in another order.
    """

    path: Path
    old: Any
    new: Any
    reordered: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of maps alone."""
        return tuple(part for part in self.path if isinstance(part, str))


def told(found: Iterable[Difference]) -> tuple[FieldChange, ...]:
    """Return differences as people read them, with those values alone that may be known.

    The name of an item that comes or goes is in the place of its other fields already.
    """
    return tuple(change for _, same in groupby(found, _item) for change in _without_name(list(same)))


def _item(difference: Difference) -> Path:
    """Return the place of the named item that a difference is in."""
    last = max((i for i, part in enumerate(difference.path) if isinstance(part, Named)), default=-1)
    return difference.path[: last + 1]


def _without_name(same: list[Difference]) -> list[FieldChange]:
    inside = len(_item(same[0])) + 1
    names = [d for d in same if d.path[-1] == "name" and len(d.path) == inside > 1]
    kept = same if len(names) == len(same) else [d for d in same if d not in names]
    return [_told(d) for d in kept]


def _told(difference: Difference) -> FieldChange:
    path, old, new = _text(difference.path), difference.old, difference.new
    if difference.reordered:
        return FieldChange(f"{path} (order)", "changed", None, None)
    kind: Happens = "changed" if None not in (old, new) else "added" if old is None else "removed"
    return FieldChange(path, kind, _shown(old), _shown(new))


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Difference]:
    """Yield every leaf where ``new`` differs from ``old``; absent and empty are the same."""
    if isinstance(old, dict | list) or isinstance(new, dict | list):
        if old != new:
            yield from _below(old, new, path)
    # True equals 1 in Python, not in Kubernetes.
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield Difference(path, old, new)


def _below(old: Any, new: Any, path: Path) -> Iterator[Difference]:
    """Compare two of which one at least has something below; what is of another type is taken for removed."""
    for kind in (dict, list):
        if not isinstance(old, kind) and not isinstance(new, kind):
            continue
        before, after = (value if isinstance(value, kind) else kind() for value in (old, new))
        first, second = _children(before), _children(after)
        if first is None or second is None:
            first, second = (dict(enumerate(items)) for items in (before, after))
        for part in [*first, *(part for part in second if part not in first)]:
            yield from differences(first.get(part), second.get(part), (*path, part))
        if first.keys() == second.keys() and kind is list and list(first) != list(second):
            yield Difference(path, None, None, reordered=True)
    if not isinstance(old, dict | list | None):
        yield Difference(path, old, None)
    if not isinstance(new, dict | list | None):
        yield Difference(path, None, new)


def _children(value: Any) -> dict[Any, Any] | None:
    """Return what is below by key or name; ``None`` for a list whose items are known by their position alone."""
    if isinstance(value, dict):
        return value
    names = [name for item in value if (name := _name(item))]
    if len(names) != len(value) or len(set(names)) != len(names):
        return None
    return {Named(name): item for name, item in zip(names, value, strict=True)}


def _name(item: Any) -> str:
    """Return what an item of a list is known by; that of a volume claim template is in its metadata."""
    if not isinstance(item, dict):
        return ""
    metadata = item.get("metadata")
    name = item.get("name", metadata.get("name") if isinstance(metadata, dict) else None)
    return name if isinstance(name, str) else ""


def _text(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, Named):
            text += f"[{part.name}]"
        else:
            step = path_text((part,))
            text += f".{step}" if text and not step.startswith("[") else step
    return text


def _shown(value: Any) -> str | None:
    if value is None or is_hashed(value):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
