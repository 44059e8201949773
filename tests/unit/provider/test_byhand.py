"""Which fields an update leaves alone because somebody changed them by hand through poscloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poscloud.provider.byhand import MANAGER, as_described, held, kept, only_by_hand
from poscloud.provider.cluster import adopted
from poscloud.provider.rest import ApiError

Object = dict[str, Any]
REPLICAS = ("spec", "replicas")
RESTARTED = ("spec", "template", "metadata", "annotations", "poscloud.io/restarted")


def live(*managers: str, replicas: int = 3, subresource: str = "") -> Object:
    owned = {"f:spec": {"f:replicas": {}}}
    entries: list[Object] = [
        {"manager": manager, "fieldsV1": owned, "apiVersion": "v1"} for manager in managers
    ]
    for entry in entries:
        entry |= {"subresource": subresource} if subresource else {}
    return {"apiVersion": "v1", "metadata": {"managedFields": entries}, "spec": {"replicas": replicas}}


def stack(replicas: int | None) -> Object:
    return {"spec": {} if replicas is None else {"replicas": replicas}}


def conflict(*managers: str) -> ApiError:
    causes = [
        {"message": f'conflict with "{manager}" using apps/v1', "field": ".spec.replicas"}
        for manager in managers
    ]
    return ApiError(409, json.dumps({"details": {"causes": causes}}).encode())


def test_only_its_own_manager_counts() -> None:
    assert held(live("kubectl-edit")) == []
    assert held(live(MANAGER, subresource="status")) == []
    assert held(live(MANAGER)) == [REPLICAS]


def test_a_key_with_dots_is_one_step() -> None:
    obj = live(MANAGER)
    below: Object = {".": {}, "f:poscloud.io/restarted": {}}
    owned = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": below}}}}
    obj["metadata"]["managedFields"][0]["fieldsV1"] = owned
    assert held(obj) == [RESTARTED]


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(1, 1, [REPLICAS]), (1, 2, []), (None, 1, []), (1, None, [])]
)
def test_what_an_update_changes_is_not_kept(
    before: int | None, after: int | None, expected: list[Any]
) -> None:
    assert kept(live(MANAGER), stack(before), stack(after)) == expected


def test_a_refresh_sees_the_stacks_value() -> None:
    assert as_described(live(MANAGER), stack(1))["spec"] == {"replicas": 1}
    assert as_described(live("kubectl-edit"), stack(1))["spec"] == {"replicas": 3}


@pytest.mark.parametrize(
    ("managers", "expected"),
    [((MANAGER,), True), ((MANAGER, "kubectl"), False), (("kubectl",), False), ((), False)],
)
def test_only_a_conflict_with_nobody_else_is_no_conflict(managers: tuple[str, ...], expected: bool) -> None:
    assert only_by_hand(conflict(*managers)) is expected


def test_what_named_managers_wrote_becomes_ours_and_nobody_elses() -> None:
    obj = live("pulumi-kubernetes-1", "kubectl-edit", "mesh")
    entries = adopted(obj, "pulumi-kubernetes-1", {"kubectl-edit"})
    assert entries is not None
    assert [(e["manager"], e.get("operation")) for e in entries] == [
        ("mesh", None),
        ("pulumi-kubernetes-1", "Apply"),
    ]
