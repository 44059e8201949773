"""The editor's schema has an example for each field that one says more of, and each is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from pydantic import ValidationError

from poscloud.load import environment_schema, load_environment
from poscloud.load.examples import Schema, examples, fields, wants_example
from poscloud.spec import EnvironmentSpec
from poscloud.spec.base import Model
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS
from tests.unit.conftest import Project

IN_FILES = {"extends", "only", "defaults", "services", "backing", "secrets"}
"""Fields of the environment that files have alone, or may write shorter."""

REFUSED = [key for key, found in examples().items() if not found]
"""Fields that all services have and this kind refuses."""

ONLY_LOADED = re.compile("was not read|a table is read by")
"""What is said of a file that a description names: the loader reads it, the spec does not."""

BESIDE: dict[str, dict[str, Any]] = {
    "KafkaSpec.cluster_id": {"zookeeper": None},
}
"""What has to stand beside a field."""

KINDS = {"backing": BACKING_KINDS, "defaults": SERVICE_KINDS}


@cache
def schema() -> Schema:
    return environment_schema()


@cache
def classes() -> dict[str, type[Model]]:
    """Return all classes of specs by name."""
    waiting, found = [Model], {}
    while waiting:
        one = waiting.pop()
        found[one.__name__] = one
        waiting += one.__subclasses__()
    return found


def test_each_field_that_wants_one_has_an_example() -> None:
    missing = [
        f"{owner}.{name}"
        for owner, name, field in fields(schema())
        if wants_example(field) and not field.get("examples") and f"{owner}.{name}" not in REFUSED
    ]
    assert missing == [], "give it one in its spec or in poscloud/load/examples.yaml"


def test_no_example_is_left_over() -> None:
    there = {(owner, name) for owner, name, _ in fields(schema())}
    assert [key for key in examples() if "." in key and tuple(key.split(".")) not in there] == []
    shown = [
        (f"{owner}.{name}", name, field["examples"])
        for owner, name, field in fields(schema())
        if "examples" in field
    ]
    common = {name for key, name, found in shown if key not in examples() and found == examples().get(name)}
    assert {key for key in examples() if "." not in key} - common == set()


@pytest.mark.parametrize("key", REFUSED)
def test_a_field_without_an_example_is_one_that_the_kind_refuses(key: str) -> None:
    owner, name = key.split(".")
    others = [
        found for _, other, field in fields(schema()) if other == name for found in field.get("examples", [])
    ]
    assert (
        others
        and [
            example
            for example in others
            if example is not False and not said(classes()[owner], name, example)
        ]
        == []
    )


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ({"type": "boolean", "default": False}, False),
        ({"type": ["boolean", "null"]}, False),
        ({"type": "null"}, False),
        ({"enum": ["a", "b"], "type": "string"}, False),
        ({"const": "java", "type": "string"}, False),
        ({"type": "integer", "default": 3}, False),
        ({"type": "integer"}, True),
        ({"type": ["integer", "null"]}, True),
        ({"type": "string", "default": "2Gi"}, True),
        ({"$ref": "#/definitions/Resources", "default": {}}, True),
        ({"type": "array", "items": {"type": "string"}, "default": []}, True),
    ],
)
def test_which_fields_want_one(field: Schema, wanted: bool) -> None:
    assert wants_example(field) is wanted


def given() -> Iterator[Any]:
    """Yield each example once: whose field it is of, the field's name, its schema and the example."""
    for owner, name, field in fields(schema()):
        for number, example in enumerate(field.get("examples", []), 1):
            yield pytest.param(owner, name, field, example, id=f"{owner}.{name}-{number}")


@pytest.mark.parametrize(("owner", "name", "field", "example"), list(given()))
def test_an_example_is_right(project: Project, owner: str, name: str, field: Schema, example: Any) -> None:
    errors = list(Draft7Validator({**field, "definitions": schema()["definitions"]}).iter_errors(example))
    assert [error.message for error in errors] == []
    if owner in KINDS:
        assert [
            wrong for part, value in example.items() for wrong in said(KINDS[owner][name], part, value)
        ] == []
    elif owner == EnvironmentSpec.__name__ and name in IN_FILES:
        assert loads(project, name, example)
    else:
        assert said(classes()[owner], name, example) == []


def said(owner: type[Model], name: str, value: Any) -> list[str]:
    """Return what the spec itself says against a value of one of its fields: it knows formats that no schema says."""
    try:
        owner.model_validate({name: value} | BESIDE.get(f"{owner.__name__}.{name}", {}))
    except ValidationError as error:  # other fields may be missing
        wrong = [
            e["msg"]
            for e in error.errors()
            if e["loc"][:1] == (name,) or (e["type"] == "between_fields" and e["ctx"].get("field") == name)
        ]
        return [message for message in wrong if not ONLY_LOADED.search(message)]
    return []


def loads(project: Project, name: str, example: Any) -> bool:
    """Whether an environment with a field that files write in another way can be loaded, with what it refers to."""
    if name == "extends":
        file = project.root / "stacks" / example
        file.parent.mkdir(exist_ok=True)
        file.write_text("services: {}\n")
    around = {
        "backing": {kind: {} for kind in ("zookeeper", "kafka", "redis")},
        "services": {"dac-task": "java"},
    }
    around["services"] |= {"tomcat": "webapp"} if name == "only" else {}
    project.write("env.yaml", yaml.safe_dump(around | {name: example}))
    return bool(load_environment(project.root, "env"))
