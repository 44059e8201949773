"""The stacks of this repository: readable golden manifests, and YAML = Python."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from poscloud.load import environment_schema, known_stacks, load_environment, load_file
from poscloud.render import render_environment, to_yaml
from tests.write_golden import GOLDEN, ROOT, render

STACKS = known_stacks(ROOT)


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_renders_its_golden_file(stack: str) -> None:
    golden = GOLDEN / f"{stack}.yaml"
    assert golden.is_file(), f"run `make golden` to write {golden.name}, and read it"
    assert render(stack) == golden.read_text(), "run `make golden` and read the difference"


def test_every_golden_file_belongs_to_a_stack() -> None:
    assert sorted(f.stem for f in GOLDEN.glob("*.yaml")) == STACKS


def test_python_and_yaml_render_the_same_bytes() -> None:
    in_python = load_file(ROOT / "examples" / "wbyh_stage.py", ROOT)
    manifests = [m for part in render_environment(in_python) for m in part.manifests]
    assert to_yaml(manifests) == render("wbyh-stage")


def test_wbyh_stage_has_every_service_and_stateful_set_of_the_document() -> None:
    spec = load_environment(ROOT, "wbyh-stage")
    assert sorted(spec.services) == [
        "dac-api-center", "dac-app-web", "dac-config-server", "dac-eureka-server", "dac-message-center",
        "dac-quartz-dac", "dac-quartz-jfdata", "dac-quartz-mach", "dac-resources-center", "dac-resources-item",
        "dac-task", "dac-task-apply", "dac-task-h5", "dac-usercenter-web", "dac-web", "tomcat",
    ]  # fmt: skip
    assert sorted(spec.backing) == ["kafka", "mongo", "redis", "zookeeper"]


def test_every_environment_of_document_004_is_a_stack() -> None:
    assert set(STACKS) >= {
        "dac-test", "public-dev", "public-pretest", "public-stage", "public-test", "sms-test", "wbyh-dev", "wbyh-stage",
    }  # fmt: skip


def test_dac_test_has_everything_of_its_listing_in_document_004() -> None:
    spec = load_environment(ROOT, "dac-test")
    assert sorted([*spec.services, *spec.backing]) == [
        "accountant", "analyzer", "api", "calculator", "consul", "dispatcher", "geo", "greeter", "kafka", "mqtt",
        "mysql", "pusher", "recovery", "redis", "robot", "scheduler", "valuation", "zookeeper",
    ]  # fmt: skip


def test_the_committed_schema_is_fresh_and_accepts_every_stack() -> None:
    schema = json.loads((ROOT / "schemas" / "environment.schema.json").read_text())
    assert schema == environment_schema(), "run `make schema`"
    validator = jsonschema.Draft7Validator(schema)
    validator.check_schema(schema)
    for file in [*(ROOT / "stacks").glob("*.yaml"), *(ROOT / "stacks" / "base").glob("*.yaml")]:
        validator.validate(yaml.safe_load(file.read_text()))


def test_the_schema_refuses_a_misspelled_field() -> None:
    validator = jsonschema.Draft7Validator(environment_schema())
    assert not validator.is_valid({"services": {"a": {"kind": "java", "replcas": 2}}})
    assert not validator.is_valid({"quta": {}})
    assert validator.is_valid(
        {"services": {"a": "java"}, "backing": {"redis": {}, "cache": {"kind": "redis"}}}
    )
