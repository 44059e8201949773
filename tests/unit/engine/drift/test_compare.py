"""A live object beside the stack's: what counts, and who is named."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from poscloud.engine.drift.compare import compare, in_question
from poscloud.engine.manual.entry import Change, Entry
from tests.unit.engine.drift.objects import AT, INPUTS, by, container, described, found, live, within

WEB = "spec.template.spec.containers[name=web]"
ENTRY = Entry(
    action="scale",
    api_version="apps/v1",
    kind="Deployment",
    name="web",
    changes=(Change(("spec", "replicas"), 1, 3),),
    who="li",
    why="load",
    at=datetime(2026, 11, 22, 10, tzinfo=UTC),
)


def scaled(replicas: int = 3) -> Any:
    obj = by(live(), "kubectl", {"f:spec": {"f:replicas": {}}}, subresource="scale")
    obj["spec"]["replicas"] = replicas
    del obj["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:replicas"]
    return obj


def test_defaults_and_what_controllers_write_are_no_difference() -> None:
    assert found(live()) == {}
    assert not in_question(described(), live())


def test_another_order_of_items_with_keys_is_no_difference() -> None:
    obj = live()
    container(obj)["env"].reverse()
    assert found(obj) == {}


def test_an_item_that_somebody_put_in_front_is_the_only_difference() -> None:
    obj = live()
    obj["spec"]["template"]["spec"]["containers"].insert(0, {"name": "mesh", "image": "mesh:1"})
    containers = {'k:{"name":"mesh"}': {".": {}, "f:image": {}, "f:name": {}}}
    by(obj, "kubectl-edit", {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}})
    (told,) = found(obj).values()
    assert (told.field, told.kind) == ("spec.template.spec.containers[name=mesh]", "added")
    assert told.live == {"name": "mesh", "image": "mesh:1"}


def test_a_changed_field_names_its_last_writer() -> None:
    obj = by(live(), "kubectl-edit", within({"f:image": {}}))
    container(obj)["image"] = "evil:1"
    told = found(obj)[f"{WEB}.image"]
    assert (told.kind, told.stack, told.live) == ("changed", "shop/web:v1", "evil:1")
    assert told.by and (told.by.manager, told.by.operation, told.by.time) == ("kubectl-edit", "Update", AT)


def test_a_subresource_is_told() -> None:
    told = found(scaled())["spec.replicas"]
    assert told.by and told.by.operation == "Update of scale"


def test_what_the_server_means_decides_and_not_the_spelling() -> None:
    obj = live()
    container(obj)["resources"]["limits"]["cpu"] = "1000m"
    assert in_question(described(), obj)
    assert found(obj, copy.deepcopy(obj)) == {}


def test_a_removed_item_names_who_wrote_last() -> None:
    obj, result = by(live(), "kubectl-edit", {"f:metadata": {"f:labels": {}}}), live()
    del container(obj)["env"][0]
    told = found(obj, result)[f"{WEB}.env[name=MODE]"]
    assert (told.kind, told.stack) == ("removed", {"name": "MODE", "value": "fast"})
    assert told.by and told.by.manager == "kubectl-edit"


def test_what_is_appended_to_a_list_without_keys_is_found() -> None:
    obj = by(live(), "kubectl-edit", within({"f:args": {}}))
    container(obj)["args"].append("--debug")
    assert [(d.field, d.live) for d in found(obj).values()] == [(f"{WEB}.args[2]", "--debug")]


def test_an_added_structure_is_one_difference() -> None:
    probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5}
    owned = {"f:livenessProbe": {".": {}, "f:httpGet": {"f:path": {}, "f:port": {}}, "f:periodSeconds": {}}}
    obj = by(live(), "kubectl-edit", within(owned))
    container(obj)["livenessProbe"] = probe
    assert [(d.field, d.live) for d in found(obj).values()] == [(f"{WEB}.livenessProbe", probe)]


def test_of_a_map_that_others_write_too_only_the_own_key_is_told() -> None:
    obj = by(live(), "kubectl-annotate", {"f:metadata": {"f:annotations": {"f:team": {}}}})
    obj["metadata"]["annotations"]["team"] = "blue"
    assert [(d.field, d.live) for d in found(obj).values()] == [("metadata.annotations.team", "blue")]


@pytest.mark.parametrize("key", ["poscloud.io/active", "kubectl.kubernetes.io/last-applied-configuration"])
def test_notes_in_annotations_are_no_difference(key: str) -> None:
    obj = by(live(), "kubectl-annotate", {"f:metadata": {"f:annotations": {f"f:{key}": {}}}})
    obj["metadata"]["annotations"][key] = "{}"
    assert found(obj) == {}


def test_a_rollout_by_kubectl_is_no_difference() -> None:
    key = "kubectl.kubernetes.io/restartedAt"
    owned = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {".": {}, f"f:{key}": {}}}}}}
    obj = by(live(), "kubectl-rollout", owned)
    obj["spec"]["template"]["metadata"] = {"annotations": {key: AT}, "labels": {}}
    inputs = copy.deepcopy(INPUTS)
    inputs["spec"]["template"]["metadata"] = {"labels": {}}
    assert compare(described(inputs), obj).differences == []


@pytest.mark.parametrize("manager", ["kube-controller-manager", "pulumi-kubernetes-ffffffff", "mesh"])
def test_what_kubernetes_the_stack_and_ignored_managers_add_is_no_difference(manager: str) -> None:
    obj = by(live(), manager, {"f:metadata": {"f:finalizers": {".": {}, 'v:"x/y"': {}}}})
    obj["metadata"]["finalizers"] = ["x/y"]
    assert found(obj, ignored={"mesh"}) == {}


def test_a_field_the_stack_sets_counts_whoever_changed_it() -> None:
    obj = by(live(), "kube-controller-manager", {"f:spec": {"f:replicas": {}}}, subresource="scale")
    obj["spec"]["replicas"] = 5
    told = found(obj)["spec.replicas"]
    assert told.by and told.by.manager == "kube-controller-manager"


def test_pods_of_a_workload_that_sleeps_are_no_difference() -> None:
    obj = scaled(0)
    obj["metadata"]["annotations"]["poscloud.io/replicas"] = "1"
    assert found(obj) == {}


def test_a_variable_with_a_telling_name_is_hidden() -> None:
    obj = by(live(), "kubectl-edit", within({"f:env": {'k:{"name":"DB_PASSWORD"}': {"f:value": {}}}}))
    container(obj)["env"][1]["value"] = "hunter2"
    assert found(obj)[f"{WEB}.env[name=DB_PASSWORD].value"].hidden


def test_all_of_a_secret_is_hidden_also_what_was_added() -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "one"}}
    obj = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "uid": "u-1", "managedFields": []},
        "data": {"a": "dHdv", "b": "eA=="},
    }
    by(obj, "kubectl-edit", {"f:data": {"f:b": {}}})
    mask = {"data": True, "stringData": True}
    told = compare(described(inputs, mask), obj).differences
    assert {(d.field, d.kind, d.hidden) for d in told} == {
        ("data.a", "changed", True),
        ("data.b", "added", True),
    }


def test_the_text_of_a_secret_and_its_data_are_the_same() -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "one"}}
    obj = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "uid": "u-1"},
        "data": {"a": "b25l"},
    }
    assert not in_question(described(inputs), obj)


@pytest.mark.parametrize(
    ("obj", "state"),
    [
        (None, "missing"),
        ({**live(), "metadata": {**live()["metadata"], "deletionTimestamp": AT}}, "deleting"),
        ({**live(), "metadata": {**live()["metadata"], "uid": "u-2"}}, "anew"),
        (live(), "same"),
    ],
)
def test_what_became_of_an_object(obj: Any, state: str) -> None:
    told = compare(described(), obj)
    assert (told.state, told.is_drift) == (state, state != "same")


def test_what_is_recorded_is_no_drift() -> None:
    told = compare(described(), scaled()).beside([ENTRY])
    assert (told.state, told.is_drift) == ("changed", False)
    assert told.differences[0].recorded == ENTRY


@pytest.mark.parametrize(
    "other",
    [
        replace(ENTRY, changes=(Change(("spec", "replicas"), 1, 4),)),
        replace(ENTRY, name="pay"),
        replace(ENTRY, kind="Job"),
    ],
)
def test_what_is_recorded_otherwise_is_drift(other: Entry) -> None:
    assert compare(described(), scaled()).beside([other]).is_drift


def test_without_managed_fields_it_is_compared_by_place() -> None:
    obj = live()
    obj["metadata"]["managedFields"] = []
    container(obj)["image"] = "evil:1"
    (told,) = found(obj).values()
    assert (told.field, told.by) == ("spec.template.spec.containers[0].image", None)


def test_the_stacks_own_object_is_not_changed_by_looking() -> None:
    before = copy.deepcopy(INPUTS)
    found(scaled())
    assert before == INPUTS
