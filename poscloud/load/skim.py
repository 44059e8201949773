"""A description skimmed: what can be told of it in no time, without checking it; wrong files are no error here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from poscloud.load.stacks import STACKS


def documents(root: Path, stack: str) -> Iterator[dict[str, Any]]:
    """Yield the file of a stack, then those that it extends, the nearest first, as they stand there.

    Nothing for a stack in Python.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    waiting, seen = [root / STACKS / f"{stack}.yaml"], set[Path]()
    while waiting:
        file = waiting.pop(0)
        if file in seen:
            continue
        seen.add(file)
        try:
            document = yaml.load(file.read_bytes(), Loader=loader)
        except (OSError, yaml.YAMLError, UnicodeDecodeError):
            continue
        if isinstance(document, dict):
            yield document
            above = document.get("extends") or ()
            names = [above] if isinstance(above, str) else above if isinstance(above, list) else []
            waiting += [file.parent / str(name) for name in names]


def part_names(root: Path, stack: str) -> set[str] | None:
    """Return the names of all services and backing services; ``None`` for a stack in Python."""
    found: dict[str, Any] = {}
    described = False
    for document in documents(root, stack):
        described = True
        for group in ("backing", "services"):
            parts = document.get(group)
            for name, part in parts.items() if isinstance(parts, dict) else ():
                found.setdefault(str(name), part)
    return {name for name, part in found.items() if part is not None} if described else None
