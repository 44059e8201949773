"""The file for ``pulumi import``: the resources that poscloud's own program declares, by the same names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from poscloud import Environment
from poscloud.imports.difference import Id
from poscloud.imports.importing import Choices, imported
from poscloud.imports.reading import source_of
from poscloud.imports.takeover import Takeover, takeover
from poscloud.imports.words import lines
from poscloud.load import known_stacks, load_environment, load_file
from poscloud.render import render_environment
from poscloud.spec import EnvironmentSpec
from tests.unit.imports.test_round_trip import unlabelled
from tests.unit.test_components import Record, Recorder, record  # noqa: F401
from tests.write_golden import ROOT

INPUTS = {"kubeconfig": "/home/a/.kube/config", "clusterIdentifier": "uid:u"}
STACKS = [*known_stacks(ROOT), "team-access", "monitoring", "log-stack"]


def described(name: str) -> EnvironmentSpec:
    stack = name in known_stacks(ROOT)
    return load_environment(ROOT, name) if stack else load_file(ROOT / "examples" / f"{name}.yaml", ROOT)


def everything(spec: EnvironmentSpec) -> set[Id]:
    return {(m["kind"], m["metadata"]["name"]) for part in render_environment(spec) for m in part.manifests}


def content(found: Takeover) -> Any:
    return json.loads(found.text)


def file_urns(found: Takeover) -> list[str]:
    """Return type and name as a URN ends with them, in the file's order, as the engine reads the file."""
    types: dict[str, str] = {}
    urns = []
    for entry in content(found)["resources"]:
        parent = types[entry["parent"]] + "$" if "parent" in entry else ""  # behind its parent
        assert entry["name"] not in types, "a name stands for one resource alone"
        types[entry["name"]] = parent + entry["type"]
        urns.append(f"{types[entry['name']]}::{entry['logicalName']}")
    return urns


def declared_urns(recorder: Recorder) -> list[str]:
    """Return the same of what a program registered."""
    stack = "pulumi:pulumi:Stack"  # mocks put it in front, the engine does not
    urns = []
    for request in recorder.requests.values():
        parent = f"{request.parent.split('::')[2]}$" if request.parent else ""
        urns.append(f"{parent}{request.type}::{request.name}".removeprefix(f"{stack}$"))
    return [urn for urn in urns if not urn.startswith(stack)]


@pytest.mark.parametrize("name", STACKS)
def test_names_and_parents_are_those_of_the_program(name: str, record: Record) -> None:  # noqa: F811
    spec = described(name)

    def program() -> None:
        Environment(spec)

    found = takeover(spec, everything(spec), "poscloud", INPUTS)
    assert sorted(file_urns(found)) == sorted(declared_urns(record(program)))
    assert found.objects == len(everything(spec))


def test_an_object_has_what_the_engine_reads_it_by() -> None:
    spec = load_environment(ROOT, "wbyh-stage")
    found = content(takeover(spec, everything(spec), "pay", INPUTS))
    urn = "urn:pulumi:wbyh-stage::pay::pulumi:providers:kubernetes::cluster"
    assert found["nameTable"] == {"cluster": urn}
    assert found["providerInputs"] == {"cluster": INPUTS}
    objects = {entry["name"]: entry for entry in found["resources"] if "id" in entry}
    assert objects["Namespace/wbyh-stage"]["id"] == "wbyh-stage"
    workload = objects["Deployment/dac-task"]
    assert (workload["id"], workload["provider"]) == ("wbyh-stage/dac-task", "cluster")
    assert workload.keys() == {"type", "name", "logicalName", "id", "parent", "provider", "version"}
    components = [entry for entry in found["resources"] if "id" not in entry]
    assert all(entry["component"] is True and "provider" not in entry for entry in components)


def test_what_does_not_run_is_left_to_up() -> None:
    spec = load_environment(ROOT, "wbyh-stage")
    service = ("Service", "redis")
    task = {i for i in everything(spec) if i[1].startswith("dac-task")}
    whole = set(file_urns(takeover(spec, everything(spec), "poscloud", INPUTS)))
    found = set(file_urns(takeover(spec, everything(spec) - task - {service}, "poscloud", INPUTS)))
    left_out = {urn.removeprefix("poscloud:index:Environment$poscloud:index:") for urn in whole - found}
    assert {"JavaService::dac-task", "Redis$kubernetes:core/v1:Service::redis"} <= left_out
    components = [kind for kind, _ in task if kind == "Deployment"]  # dac-task, dac-task-apply, dac-task-h5
    assert len(left_out) == len(components) + len(task) + 1


def test_the_commands_name_the_stack_its_cluster_and_no_protection() -> None:
    spec = load_environment(ROOT, "wbyh-stage")
    select, context, taking, *_, last = takeover(
        spec, everything(spec), "poscloud", INPUTS, "my office"
    ).commands
    assert select == "pulumi stack select --create -s wbyh-stage"
    assert context == "pulumi config set poscloud:context 'my office' -s wbyh-stage"
    assert "--file .poscloud/import/wbyh-stage.json" in taking
    assert "--protect=false" in taking
    assert last == "poscloud up -s wbyh-stage"
    assert Path(takeover(spec, [], "poscloud", {}).file).name == "wbyh-stage.json"


@pytest.mark.parametrize("context", ["", "office"])
def test_credentials_are_carried_over_from_the_cluster_that_was_read(context: str, tmp_path: Path) -> None:
    spec = load_environment(ROOT, "wbyh-stage")
    manifests = [unlabelled(m) for part in render_environment(spec) for m in part.manifests]
    result = imported(source_of(manifests, None), tmp_path, "a test", Choices(adopt=True))
    inputs = {"kubeconfig": "/home/a/config", "context": "office"}
    taken = takeover(result.spec, [], "poscloud", inputs, context)
    said = [line for line in lines(replace(result, takeover=taken), 9, written=True) if "kubectl" in line]
    (line,) = said
    assert "kubectl --kubeconfig=/home/a/config --context=office get secret" in line
