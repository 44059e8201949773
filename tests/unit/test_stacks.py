"""The stacks of this repository: readable golden manifests, and YAML = Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.load import known_stacks, load_environment, load_file
from poscloud.render import render_environment, to_yaml
from poscloud.spec import EnvironmentSpec

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
STACKS = known_stacks(ROOT)


def as_yaml(spec: EnvironmentSpec) -> str:
    return to_yaml(m for part in render_environment(spec) for m in part.manifests)


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_renders_its_golden_file(stack: str) -> None:
    golden = GOLDEN / f"{stack}.yaml"
    assert golden.is_file(), f"run `make golden` to write {golden.name}, and read it"
    assert as_yaml(load_environment(ROOT, stack)) == golden.read_text(), (
        "run `make golden` and read the difference"
    )


def test_every_golden_file_belongs_to_a_stack() -> None:
    assert sorted(f.stem for f in GOLDEN.glob("*.yaml")) == STACKS


def test_python_and_yaml_render_the_same_bytes() -> None:
    in_python = load_file(ROOT / "examples" / "wbyh_stage.py", ROOT)
    assert as_yaml(in_python) == as_yaml(load_environment(ROOT, "wbyh-stage"))


def test_wbyh_stage_has_every_service_and_stateful_set_of_the_document() -> None:
    spec = load_environment(ROOT, "wbyh-stage")
    assert sorted(spec.services) == [
        "dac-api-center", "dac-app-web", "dac-config-server", "dac-eureka-server", "dac-message-center",
        "dac-quartz-dac", "dac-quartz-jfdata", "dac-quartz-mach", "dac-resources-center", "dac-resources-item",
        "dac-task", "dac-task-apply", "dac-task-h5", "dac-usercenter-web", "dac-web", "tomcat",
    ]  # fmt: skip
    assert sorted(spec.backing) == ["kafka", "mongo", "redis", "zookeeper"]
