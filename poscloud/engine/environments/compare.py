"""Two environments side by side, component by component, as they are described."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poscloud.engine.description import describe
from poscloud.render import Manifest, RenderedPart
from poscloud.render.names import CHECKSUM_ANNOTATION

Names = tuple[str, str]

MOST_LINES = 20
"""Lines that are told of a component; more is another component altogether."""


@dataclass(frozen=True)
class Difference:
    """In what a component differs.

    Attributes:
        name: The component's.
        what: ``only in A``, or ``differs``.
        lines: Where, with both values.
    """

    name: str
    what: str
    lines: list[str] = field(default_factory=list)


def compare(root: Path, one: str, other: str) -> list[Difference]:
    """Return the components in which two environments differ; their names and addresses are not differences.

    Raises:
        StackNotFoundError: There is no such environment.
        InputError: A description is wrong.
    """
    names = one, other
    sides = [_parts(describe(root, name).parts, name) for name in names]
    found = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        left, right = (side.get(name) for side in sides)
        if left is None or right is None:
            found.append(Difference(name, f"only in {one if right is None else other}"))
        elif lines := list(_lines(left, right, names)):
            more = [f"… and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
            found.append(Difference(name, "differs", [*lines[:MOST_LINES], *more]))
    return found


def _parts(parts: list[RenderedPart], environment: str) -> dict[str, dict[str, Manifest]]:
    """Return component → object → manifest; what is named after the environment has the same key in both."""
    return {
        _neutral(part.name, environment): {
            f"{m['kind']}/{_neutral(m['metadata']['name'], environment)}": m for m in part.manifests
        }
        for part in parts
    }


def _neutral(text: str, environment: str) -> str:
    """Return a text with another word for the environment's name; the first folder of a path (/dev/null) is none."""
    return re.sub(rf"(?<![\w-])(?<![^\w/]/){re.escape(environment)}(?![\w-])", "environment", text)


def _lines(left: dict[str, Manifest], right: dict[str, Manifest], names: Names) -> Iterator[str]:
    for key in dict.fromkeys([*left, *right]):
        if key not in right:
            yield f"- {key}"
        elif key not in left:
            yield f"+ {key}"
        else:
            yield from (f"{key} {line}" for line in _changes(left[key], right[key], "", names))


def _changes(left: Any, right: Any, path: str, names: Names) -> Iterator[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            if key != CHECKSUM_ANNOTATION:  # of what is compared itself
                below = f"{path}.{key}" if path else str(key)
                yield from _changes(left.get(key), right.get(key), below, names)
    elif isinstance(left, list) and isinstance(right, list):
        for name, (mine, theirs) in _pairs(left, right):
            yield from _changes(mine, theirs, f"{path}[{name}]", names)
    elif left != right and not _is_same(left, right, names):
        yield f"{path}: {_shown(left)} → {_shown(right)}"


def _is_same(left: Any, right: Any, names: Names) -> bool:
    """Whether two texts differ in nothing but the environments' names."""
    texts = isinstance(left, str) and isinstance(right, str)
    return texts and _neutral(left, names[0]) == _neutral(right, names[1])


def _pairs(left: list[Any], right: list[Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield the entries of two lists that belong together: by their names, else by their places."""
    named = all(isinstance(item, dict) and "name" in item for item in (*left, *right))
    one, other = (
        {str(item["name"]) if named else str(place): item for place, item in enumerate(side)}
        for side in (left, right)
    )
    for key in dict.fromkeys([*one, *other]):
        yield key, (one.get(key), other.get(key))


def _shown(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 and "\n" not in text else f"{text.splitlines()[0][:57]}…"
