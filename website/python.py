"""A description as the Python that says the same."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

import poscloud
import poscloud.spec

WIDTH = 88
"""Characters of a line, unless one value is longer."""


def as_python(spec: BaseModel) -> str:
    """Return a program whose ``environment`` is the description."""
    used: set[str] = set()
    text = f"environment = {_written(spec, 0, used)}\n"
    first = sorted(used & set(poscloud.__all__))
    lines = [_import("poscloud", first), _import("poscloud.spec", sorted(used - set(first)))]
    return "".join(lines) + "\n" + text


def _import(module: str, names: list[str]) -> str:
    if not names:
        return ""
    line = f"from {module} import {', '.join(names)}\n"
    listed = "".join(f"    {name},\n" for name in names)
    return line if len(line) <= WIDTH else f"from {module} import (\n{listed})\n"


def _written(value: Any, indent: int, used: set[str]) -> str:
    if isinstance(value, BaseModel):
        fields = {
            name: getattr(value, name) for name in type(value).model_fields if name in value.model_fields_set
        }
        fields.pop("kind", None)  # the class says it
        name = type(value).__name__
        if hasattr(poscloud.spec, name):
            used.add(name)
            parts = [f"{field}={_written(below, indent + 4, used)}" for field, below in fields.items()]
            return _joined(f"{name}(", parts, ")", indent)
        return _written(value.model_dump(exclude_unset=True), indent, used)
    if isinstance(value, dict):
        parts = [f"{_text(key)}: {_written(below, indent + 4, used)}" for key, below in value.items()]
        return _joined("{", parts, "}", indent)
    if isinstance(value, (list, tuple)):
        return _joined("[", [_written(below, indent + 4, used) for below in value], "]", indent)
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: Any) -> str:
    text = repr(value)
    return f'"{text[1:-1]}"' if text[:1] == "'" and '"' not in text else text


def _joined(begin: str, parts: list[str], end: str, indent: int) -> str:
    line = f"{begin}{', '.join(parts)}{end}"
    if len(line) + indent <= WIDTH - 10 and "\n" not in line:
        return line
    inner = "".join(f"{' ' * (indent + 4)}{part},\n" for part in parts)
    return f"{begin}\n{inner}{' ' * indent}{end}"
