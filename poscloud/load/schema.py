"""The JSON Schema (draft-07) of an environment file, for editors.

It says the same as the specs, in the words that an editor shows well (docs/decisions/0037): a kind chooses the fields
by ``if`` and ``then``, because the errors of a union are those of all its members at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poscloud.load.examples import add_examples
from poscloud.load.snippets import BACKING, SERVICES, snippets
from poscloud.spec import EnvironmentSpec
from poscloud.spec.base import Model
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS

Schema = dict[str, Any]


def environment_schema() -> Schema:
    """Return the schema of ``stacks/*.yaml``: EnvironmentSpec and what only files have."""
    schema = EnvironmentSpec.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    for spec in SERVICE_KINDS.values():  # what one file leaves out, `defaults` or a base may give
        definitions[spec.__name__].pop("required", None)
    properties = _of_files(definitions) | schema["properties"]
    properties["services"] |= {
        "additionalProperties": _service(definitions),
        "defaultSnippets": snippets(SERVICES),
    }
    properties["backing"] |= {
        "properties": {kind: _backing(kind, definitions) for kind in sorted(BACKING_KINDS)},
        "additionalProperties": _by_kind(BACKING_KINDS, definitions) | {"required": ["kind"]},
        "defaultSnippets": snippets(BACKING),
    }
    found: Schema = _plain(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "description": "Everything in one namespace; the file's name is the stack and the namespace.",
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
            "definitions": definitions,
        }
    )
    add_examples(found)
    return {"title": "poscloud environment", **found}


def _service(definitions: Schema) -> Schema:
    """Return the schema of a service: its kind alone, or its fields."""
    # A file may leave `kind` to the one it extends, and then every kind's fields may fit.
    any_kind = {"anyOf": [_reference(spec) for _, spec in sorted(SERVICE_KINDS.items())]}
    fields = _by_kind(SERVICE_KINDS, definitions) | {"if": {"required": ["kind"]}, "else": any_kind}
    alone = {"type": "string", "enum": sorted(SERVICE_KINDS)}
    return {
        "description": "A service: its kind alone, or its fields.",
        "anyOf": [alone, fields, {"type": "null"}],
    }


def _backing(kind: str, definitions: Schema) -> Schema:
    """Return the schema of a backing service that is called as its kind."""
    spec = BACKING_KINDS[kind]
    return {"description": _about(spec, definitions), "anyOf": [_reference(spec), {"type": "null"}]}


def _by_kind(kinds: Mapping[str, type[Model]], definitions: Schema) -> Schema:
    """Return the schema of an object whose ``kind`` says which fields it has."""
    lines = [f"{kind}: {_about(spec, definitions)}" for kind, spec in sorted(kinds.items())]
    return {
        "type": "object",
        "properties": {"kind": {"description": "\n\n".join(lines), "enum": sorted(kinds)}},
        "allOf": [
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
                "then": _reference(spec),
            }
            for kind, spec in sorted(kinds.items())
        ],
    }


def _reference(spec: type[Model]) -> Schema:
    return {"$ref": f"#/definitions/{spec.__name__}"}


def _about(spec: type[Model], definitions: Schema) -> str:
    """Return the first paragraph about a kind."""
    return str(definitions[spec.__name__]["description"]).split("\n\n")[0].replace("\n", " ")


def _plain(node: Any) -> Any:
    """Return a schema without what an editor would only repeat, and unions of simple types as one type."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _plain(value) for key, value in node.items()}
    if isinstance(found.get("title"), str):
        del found["title"]  # the field's name in capitals
    if isinstance(found.get("description"), str):
        found["description"] = found["description"].replace("``", "`")
    found.pop("discriminator", None)
    default = found.get("default")
    if isinstance(default, dict):
        found["default"] = {key: value for key, value in default.items() if value is not None}
    elif default is None:
        found.pop("default", None)  # the server stops offering fields at one whose default has null in it
    return _one_type(found)


def _one_type(node: Schema) -> Schema:
    """Return ``anyOf: [X, null]`` as X that may be null as well, where X is of one type and lists no values."""
    members = node.get("anyOf")
    if not isinstance(members, list) or {"type": "null"} not in members or len(members) != 2:
        return node
    (member,) = [m for m in members if m != {"type": "null"}]
    if not isinstance(member.get("type"), str) or member.keys() & {"enum", "const"}:
        return node
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**member, **rest, "type": [member["type"], "null"]}


def _of_files(definitions: Schema) -> Schema:
    """Return the fields that only files have."""
    return {
        "extends": {
            "description": "Bases this file is merged over, relative to it; the last one wins.",
            "examples": ["base/shared.yaml"],
            "type": ["string", "array"],
            "items": {"type": "string"},
        },
        "only": {
            "description": "Services and backing services to run, with all that they need; left out, all.",
            "type": "array",
            "items": {"type": "string"},
        },
        "defaults": {
            "description": "Fields for every service of a kind, unless the service says otherwise.",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                # Beside $ref everything is ignored in draft-07.
                kind: {"description": _about(spec, definitions), "allOf": [_reference(spec)]}
                for kind, spec in sorted(SERVICE_KINDS.items())
            },
        },
    }
