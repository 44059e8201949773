from __future__ import annotations

import base64
from typing import Any

import pytest

from poscloud.provider.checks import Checked, Naming, check
from poscloud.provider.kinds import AUTONAMED


def run(kind: str, news: dict[str, Any], *, olds: dict[str, Any] | None = None, **naming: Any) -> Checked:
    group = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "Role": "rbac.authorization.k8s.io/v1"}
    obj = {"apiVersion": group.get(kind, "v1"), "kind": kind, **news}
    return check(olds or {}, obj, {}, Naming("web", b"\x01\x02\x03\x04\x05", **naming), "default")


@pytest.mark.parametrize(
    ("kind", "name", "phrase"),
    [
        ("Service", "Web", "not a DNS name"),
        ("Service", "1web", "not a DNS name"),
        ("Service", "a" * 64, "64 characters; a Service may have 63"),
        ("Namespace", "a.b", "not a DNS name"),
        ("ConfigMap", "a_b", "not a DNS name"),
        ("ConfigMap", "a" * 254, "may have 253"),
        ("StatefulSet", "a" * 53, "may have 52"),
        ("Role", "a/b", "may not contain"),
    ],
)
def test_bad_names_are_failures_of_metadata_name(kind: str, name: str, phrase: str) -> None:
    [(where, why)] = run(kind, {"metadata": {"name": name}}).failures
    assert where == "metadata.name"
    assert phrase in why


@pytest.mark.parametrize(("kind", "name"), [("ConfigMap", "a.b"), ("Role", "system:x"), ("Namespace", "a-1")])
def test_good_names(kind: str, name: str) -> None:
    assert not run(kind, {"metadata": {"name": name}}).failures


def test_namespaces_are_filled_in_and_taken_away() -> None:
    assert run("Service", {"metadata": {"name": "a"}}).inputs["metadata"]["namespace"] == "default"
    assert (
        "namespace" not in run("Namespace", {"metadata": {"name": "a", "namespace": "x"}}).inputs["metadata"]
    )
    custom = check(
        {}, {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}}, {}, Naming("w"), "d"
    )
    assert "namespace" not in custom.inputs["metadata"], "only the API server knows its scope"


def test_unnamed_objects_get_a_name_that_fits() -> None:
    metadata = run("Service", {}).inputs["metadata"]
    assert metadata["name"] == "web-01020304"
    assert metadata["annotations"] == {AUTONAMED: "true"}
    long = check({}, {"apiVersion": "apps/v1", "kind": "StatefulSet"}, {}, Naming("x" * 80, b"\1" * 8), "d")
    assert len(long.inputs["metadata"]["name"]) == 52


def test_the_old_automatic_name_is_kept() -> None:
    olds = {"metadata": {"name": "web-old", "annotations": {AUTONAMED: "true"}}}
    assert run("Service", {}, olds=olds).inputs["metadata"]["name"] == "web-old"


def test_the_engine_may_propose_or_forbid() -> None:
    assert run("Service", {}, proposed="given").inputs["metadata"]["name"] == "given"
    [(where, why)] = run("Service", {}, mode="disable").failures
    assert (where, "explicit metadata.name" in why) == ("metadata.name", True)


def test_string_data_becomes_data() -> None:
    checked = run("Secret", {"metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"b": "y"}})
    assert checked.inputs["data"] == {"a": "eA==", "b": base64.b64encode(b"y").decode()}
    assert "stringData" not in checked.inputs


def test_what_only_the_server_sets_is_dropped() -> None:
    checked = run(
        "ConfigMap", {"metadata": {"name": "a", "uid": "1", "resourceVersion": "2", "managedFields": []}}
    )
    assert checked.inputs["metadata"] == {"name": "a", "namespace": "default"}
