"""Examples of what a field may be given, for the schema: those of ``examples.yaml``, where the spec has none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]


@cache
def examples() -> dict[str, list[Any]]:
    """Return the examples by FIELD, or by CLASS.FIELD where the class matters; an empty list: it refuses the field."""
    found: dict[str, list[Any]] = yaml.safe_load(
        Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    )
    return found


def wants_example(field: Schema) -> bool:
    """Return whether an example says more of a field than its type, its default and its values.

    It does not of switches, of words to choose from, and of numbers that have a default.
    """
    if field.keys() & {"enum", "const"}:
        return False
    given = field.get("type", [])
    types = {given} if isinstance(given, str) else set(given)
    if types and types <= {"boolean", "null"}:
        return False
    return not (types and types <= {"integer", "number", "null"} and field.get("default") is not None)


def add_examples(schema: Schema) -> None:
    """Give each field of a schema with definitions its examples, and take them from those that a kind refuses."""
    known = examples()
    for owner, name, field in fields(schema):
        own = known.get(f"{owner}.{name}")
        if own == []:
            field.pop("examples", None)
        elif own:
            field["examples"] = own
        elif wants_example(field) and "examples" not in field and name in known:
            field["examples"] = known[name]


def fields(schema: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Yield all fields: the class they are of, their name, their schema.

    The environment's own are those of EnvironmentSpec. Kinds that are fields (``backing: {kafka: …}``) are those of
    ``backing`` and ``defaults``.
    """
    for name, field in schema["properties"].items():
        yield "EnvironmentSpec", name, field
        for kind, of_kind in field.get("properties", {}).items():
            yield name, kind, of_kind
    for owner, definition in schema["definitions"].items():
        for name, field in definition.get("properties", {}).items():
            yield owner, name, field
