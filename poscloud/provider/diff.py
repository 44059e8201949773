"""Differences between objects: pure functions, neither I/O nor Pulumi."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from poscloud.provider.items import Item, step_of

Object = dict[str, Any]
Path = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[^.\"\[\]]+")
_MISSING: Any = object()


@dataclass(frozen=True)
class Change:
    """One place where two objects differ.

    Attributes:
        path: Keys and list positions from the root.
        kind: ``add``, ``delete`` or ``update``.
        old: The value before; ``None`` when added.
        new: The value after; ``None`` when deleted.
    """

    path: Path
    kind: Literal["add", "delete", "update"]
    old: Any = None
    new: Any = None

    @property
    def text(self) -> str:
        """The path as Pulumi writes it: ``spec.template.spec.containers[0].image``."""
        return path_text(self.path)


def path_text(path: Path) -> str:
    """Write a path as Pulumi does; keys with dots or quotes go into brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif isinstance(part, Item):
            text += part
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text


def changes(old: Object, new: Object) -> list[Change]:
    """Every leaf where ``new`` differs from ``old``; absent and empty are the same."""
    return list(_walk((), old, new))


def _is_empty(value: Any) -> bool:
    return value is _MISSING or value is None or (value in ("", {}, []) and not isinstance(value, bool | int))


def _walk(path: Path, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _walk((*path, key), old.get(key, _MISSING), new.get(key, _MISSING))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else _MISSING
            after = new[index] if index < len(new) else _MISSING
            yield from _walk((*path, index), before, after)
    elif _is_empty(old) and _is_empty(new):
        return
    elif old is _MISSING:
        yield Change(path, "add", new=new)
    elif new is _MISSING:
        yield Change(path, "delete", old=old)
    # True equals 1 in Python, not in Kubernetes.
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield Change(path, "update", old, new)


def prune(source: Any, shape: Any) -> Any:
    """Cut ``source`` down to the keys and list positions that ``shape`` has."""
    if isinstance(source, dict) and isinstance(shape, dict):
        return {key: prune(source[key], shape[key]) for key in shape if key in source}
    if isinstance(source, list) and isinstance(shape, list):
        return [prune(a, b) for a, b in zip(source, shape, strict=False)]
    return source


def union(first: Any, second: Any) -> Any:
    """The shape of two objects together: every key and list position either has."""
    if isinstance(first, dict) and isinstance(second, dict):
        keys = [*first, *(key for key in second if key not in first)]
        return {k: union(first.get(k, second.get(k)), second.get(k, first.get(k))) for k in keys}
    if isinstance(first, list) and isinstance(second, list):
        longer = first if len(first) > len(second) else second
        both = [union(a, b) for a, b in zip(first, second, strict=False)]
        return both + longer[len(both) :]
    return second


def merge_patch(
    old: Object, new: Object, removable: Callable[[Path], bool] = lambda _: True, path: Path = ()
) -> Object:
    """The JSON merge patch that leads from ``old`` to ``new``.

    Args:
        old: Before.
        new: After.
        removable: Whether what ``new`` no longer has may be removed at this path.
        path: Where both stand.
    """
    patch: Object = {}
    for key, value in new.items():
        before = old.get(key, _MISSING)
        if isinstance(before, dict) and isinstance(value, dict):
            if below := merge_patch(before, value, removable, (*path, key)):
                patch[key] = below
        elif before != value:
            patch[key] = value
    for key in old:
        if key not in new and removable((*path, key)):
            patch[key] = None
    return patch


def owns(fields: Mapping[str, Any], path: Path) -> bool:
    """Whether ``fieldsV1`` of a managedFields entry holds a path of keys and items, or anything below it.

    A map that the server keeps as a whole, such as a Service's selector, is held with all its keys.
    """
    for part in path:
        if isinstance(part, Item):
            below = next((value for name, value in fields.items() if step_of(name) == part), None)
        else:
            below = fields.get(f"f:{part}")
        if below is None:
            return False
        if not below:
            return True
        fields = below
    return True


def covers(rule: str, path: Path) -> bool:
    """Whether a dotted rule names this path, something above it or something below it.

    List positions do not count, so ``spec.containers.image`` covers ``spec.containers[0].image``.
    """
    wanted = rule.split(".")
    have = [part for part in path if isinstance(part, str)]
    length = min(len(wanted), len(have))
    return wanted[:length] == have[:length]


def is_below(prefix: str, path: Path) -> bool:
    """Whether a path is the one that Pulumi writes as ``prefix``, or lies below it."""
    text, plain = path_text(path), re.sub(r"\[\*\]|\[\d+\]", "", prefix)
    return any(
        whole == start or whole.startswith((start + ".", start + "["))
        for whole, start in (
            (text, prefix),
            (re.sub(r"\[\d+\]", "", text), plain if "[*]" in prefix else prefix),
        )
    )


def without(found: Iterable[Change], ignored: Sequence[str]) -> list[Change]:
    """The changes that ``ignoreChanges`` does not name."""
    return [change for change in found if not any(is_below(prefix, change.path) for prefix in ignored)]


def get(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at a path, or the default when any step is missing."""
    for part in path:
        if isinstance(obj, dict):
            obj = obj.get(part)
        elif isinstance(obj, list) and isinstance(part, int) and part < len(obj):
            obj = obj[part]
        elif isinstance(obj, list) and isinstance(part, Item):
            obj = next((item for item in obj if part.is_of(item)), None)
        else:
            return default
    return default if obj is None else obj


def merge_owned(first: Object, second: Object) -> Object:
    """Both ``fieldsV1`` sets together."""
    keys = [*first, *(key for key in second if key not in first)]
    return {key: merge_owned(first.get(key) or {}, second.get(key) or {}) for key in keys}
