"""The JSON Schema (draft-07) of an environment file, for editors."""

from __future__ import annotations

from typing import Any

from poscloud.spec import EnvironmentSpec
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS


def environment_schema() -> dict[str, Any]:
    """Return the schema of ``stacks/*.yaml``: EnvironmentSpec and what only files have."""
    schema = EnvironmentSpec.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    for spec in SERVICE_KINDS.values():  # what one file leaves out, `defaults` or a base may give
        definitions[spec.__name__].pop("required", None)
    properties = _of_files() | schema["properties"]
    service = properties["services"]["additionalProperties"]
    # A file may leave `kind` to the one it extends, and then every kind's schema may fit.
    service = {"anyOf": service["oneOf"]}
    properties["services"]["additionalProperties"] = {
        "anyOf": [{"enum": sorted(SERVICE_KINDS)}, service, {"type": "null"}]
    }
    backing = properties["backing"]
    any_kind = backing["additionalProperties"]
    any_kind.pop("discriminator", None)
    by_name = {
        definition["properties"]["kind"]["const"]: {"$ref": f"#/definitions/{name}"}
        for name, definition in definitions.items()
        if definition.get("properties", {}).get("kind", {}).get("const") in BACKING_KINDS
    }
    backing["properties"] = {
        kind: {"anyOf": [ref, {"type": "null"}]} for kind, ref in sorted(by_name.items())
    }
    any_kind["description"] = f"kind is one of {', '.join(sorted(BACKING_KINDS))}."
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "poscloud environment",
        "description": "Everything in one namespace; the file's name is the stack and the namespace.",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "definitions": definitions,
    }


def _of_files() -> dict[str, Any]:
    """Return the fields that only files have."""
    return {
        "extends": {
            "description": "Bases this file is merged over, relative to it; the last one wins.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
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
                kind: {"$ref": f"#/definitions/{spec.__name__}"}
                for kind, spec in sorted(SERVICE_KINDS.items())
            },
        },
    }
