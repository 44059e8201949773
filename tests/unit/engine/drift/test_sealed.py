"""What is shown of a difference: never a value that the stack, or a name, says is secret."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from poscloud.engine.drift.compare import compare
from poscloud.engine.drift.described import Described
from poscloud.engine.drift.report import Report
from poscloud.engine.drift.words import as_components, lines
from poscloud.provider.hiding import HIDDEN, Secrets
from tests.unit.engine.drift.objects import INPUTS, Object, by, container, described, live, within

VALUE = "hunter2"
LOUD = "plain-and-seen"
VARIABLES = [{"name": "DB_PASSWORD", "value": VALUE}, {"name": "MODE", "value": LOUD}]
NAMES: Object = {'k:{"name":"DB_PASSWORD"}': {"f:value": {}}, 'k:{"name":"MODE"}': {"f:value": {}}}
WEB = 'k:{"name":"web"}'


def shown(stack: Described, obj: Object, secrets: Secrets | None = None) -> str:
    """Return all that is told of an object, as text and as data."""
    told = Report([compare(stack, obj)], [], secrets or Secrets(), datetime(2026, 11, 22, tzinfo=UTC))
    return "\n".join([*lines(told), json.dumps(as_components(told), ensure_ascii=False)])


def added_container() -> tuple[Described, Object]:
    obj = live()
    obj["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "x:1", "env": VARIABLES})
    owned = {'k:{"name":"side"}': {".": {}, "f:image": {}, "f:name": {}, "f:env": {".": {}, **NAMES}}}
    by(obj, "kubectl-edit", {"f:spec": {"f:template": {"f:spec": {"f:containers": owned}}}})
    return described(), obj


def without_variables(obj: Object) -> Object:
    obj = copy.deepcopy(obj)
    del container(obj)["env"]
    return obj


def added_variables() -> tuple[Described, Object]:
    obj = live()
    del obj["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"][
        WEB
    ]["f:env"]
    container(obj)["env"] = VARIABLES
    by(obj, "kubectl-edit", within({"f:env": {".": {}, **NAMES}}))
    return described(without_variables(INPUTS)), obj


def removed_variables() -> tuple[Described, Object]:
    inputs = copy.deepcopy(INPUTS)
    container(inputs)["env"] = VARIABLES
    obj = without_variables(live())
    obj["metadata"]["managedFields"] = []
    return described(inputs), obj


def variable_without_managed_fields() -> tuple[Described, Object]:
    obj = live()
    obj["metadata"]["managedFields"] = []
    container(obj)["env"] = [{"name": "MODE", "value": LOUD}, {"name": "DB_PASSWORD", "value": VALUE}]
    return described(), obj


def settings(**fields: Any) -> Object:
    metadata = {"name": "settings", "namespace": "shop", **fields.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **fields}


def added_data() -> tuple[Described, Object]:
    obj = settings(metadata={"uid": "u-1"}, data={"db.password": VALUE, "mode": LOUD})
    by(with_entries(obj), "kubectl-edit", {"f:data": {".": {}, "f:db.password": {}, "f:mode": {}}})
    return described(settings()), obj


def removed_data() -> tuple[Described, Object]:
    obj = with_entries(settings(metadata={"uid": "u-1"}))
    return described(settings(data={"db.password": VALUE, "mode": LOUD})), obj


def added_annotations() -> tuple[Described, Object]:
    obj = settings(metadata={"uid": "u-1", "annotations": {"api-token": VALUE, "team": LOUD}})
    by(
        with_entries(obj),
        "kubectl",
        {"f:metadata": {"f:annotations": {".": {}, "f:api-token": {}, "f:team": {}}}},
    )
    return described(settings()), obj


def with_entries(obj: Object) -> Object:
    obj["metadata"]["managedFields"] = []
    return obj


@pytest.mark.parametrize(
    "case",
    [
        added_container, added_variables, removed_variables, variable_without_managed_fields,
        added_data, removed_data, added_annotations,
    ],
)  # fmt: skip
def test_of_what_has_a_telling_name_the_value_is_hidden_and_of_others_it_is_shown(
    case: Callable[[], tuple[Described, Object]],
) -> None:
    told = shown(*case())
    assert VALUE not in told
    assert LOUD in told


def test_of_a_secret_that_had_no_data_all_of_it_is_hidden() -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    obj = with_entries({**copy.deepcopy(inputs), "data": {"a": "aHVudGVyMg=="}})
    obj["metadata"] |= {"uid": "u-1"}
    by(obj, "kubectl-edit", {"f:data": {".": {}, "f:a": {}}})
    told = shown(described(inputs, {"data": True, "stringData": True}), obj)
    assert "aHVudGVyMg==" not in told and "added, secret" in told


def test_what_kubectl_apply_notes_of_an_object_without_annotations_is_not_told() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    obj = with_entries(settings(metadata={"uid": "u-1", "annotations": {key: VALUE}}))
    by(obj, "kubectl", {"f:metadata": {"f:annotations": {".": {}, f"f:{key}": {}}}})
    assert compare(described(settings()), obj).state == "same"


def test_the_name_of_a_hidden_variable_is_shown() -> None:
    told = shown(*added_variables())
    assert f'"name": "DB_PASSWORD", "value": "{HIDDEN}"' in told


@pytest.mark.parametrize("before", [70, 76])
def test_a_secret_is_hidden_before_a_long_value_is_cut(before: int) -> None:
    secrets, secret = Secrets(), "correct-horse-battery"
    secrets.learn({"password": secret})
    obj = by(live(), "kubectl-edit", within({"f:image": {}}))
    container(obj)["image"] = "x" * before + secret
    told = next(line for line in shown(described(), obj, secrets).splitlines() if "the stack says" in line)
    assert "…" in told or HIDDEN in told
    assert "xc" not in told and "co" not in told.partition(";")[0].rpartition(".image:")[2]
