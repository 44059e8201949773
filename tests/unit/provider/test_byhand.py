"""Which fields an update leaves alone because somebody changed them by hand through poscloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poscloud.provider.byhand import MANAGER, as_described, held, kept, only_by_hand, with_values
from poscloud.provider.cluster import adopted
from poscloud.provider.diff import get, path_text
from poscloud.provider.items import Item
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


WEB, ENV = Item("[name=web]"), Item("[name=JAR_VERSION]")
IMAGE = ("spec", "containers", WEB, "image")
VARIABLE = ("spec", "containers", WEB, "env", ENV)


def pod(image: str, *env: Object) -> Object:
    sidecar = {"name": "sidecar", "image": "s:1"}
    return {"spec": {"containers": [sidecar, {"name": "web", "image": image, "env": list(env)}]}}


def held_in_items(**below: Object) -> Object:
    owned = {"f:spec": {"f:containers": {'k:{"name":"web"}': below}}}
    entry = {"manager": MANAGER, "operation": "Update", "fieldsV1": owned}
    return {**pod("web:2", {"name": "JAR_VERSION", "value": "2"}), "metadata": {"managedFields": [entry]}}


def test_a_field_of_an_item_is_held() -> None:
    assert held(held_in_items(**{"f:image": {}})) == [IMAGE]
    assert path_text(IMAGE) == "spec.containers[name=web].image"
    assert get(pod("web:1"), *IMAGE) == "web:1"


def test_an_item_that_was_added_is_held_as_a_whole() -> None:
    added = {'k:{"name":"JAR_VERSION"}': {".": {}, "f:name": {}, "f:value": {}}}
    assert held(held_in_items(**{"f:env": added})) == [VARIABLE]


def test_an_update_keeps_the_field_of_an_item_that_it_does_not_change() -> None:
    live = held_in_items(**{"f:image": {}})
    assert kept(live, pod("web:1"), pod("web:1")) == [IMAGE]
    assert kept(live, pod("web:1"), pod("web:3")) == []
    assert get(with_values(pod("web:1"), live, [IMAGE]), *IMAGE) == "web:2"


def test_a_refresh_does_not_see_an_item_that_was_added() -> None:
    added = {'k:{"name":"JAR_VERSION"}': {".": {}, "f:name": {}, "f:value": {}}}
    live = held_in_items(**{"f:env": added, "f:image": {}})
    assert as_described(live, pod("web:1"))["spec"] == pod("web:1")["spec"]
