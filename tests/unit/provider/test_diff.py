from __future__ import annotations

from typing import Any

import pytest

from poscloud.provider.diff import (
    changes,
    covers,
    get,
    is_below,
    merge_owned,
    merge_patch,
    owns,
    path_text,
    prune,
    union,
)
from poscloud.provider.kinds import replace_paths

CASES: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    ({"a": 1}, {"a": 1}, []),
    ({"a": 1}, {"a": 2}, [("a", "update")]),
    ({}, {"a": {"b": 1}}, [("a", "add")]),
    ({"a": {"b": 1}}, {}, [("a", "delete")]),
    ({"a": 1}, {"a": True}, [("a", "update")]),
    ({"a": 0}, {}, [("a", "delete")]),
    ({"a": ""}, {}, []),
    ({"a": {}}, {"b": []}, []),
    ({"a": None}, {}, []),
    ({"l": [1, 2]}, {"l": [1]}, [("l[1]", "delete")]),
    ({"l": [{"n": "a"}]}, {"l": [{"n": "b"}, {"n": "c"}]}, [("l[0].n", "update"), ("l[1]", "add")]),
    ({"m": {"a.b/c": "1"}}, {"m": {"a.b/c": "2"}}, [('m["a.b/c"]', "update")]),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_changes(old: Any, new: Any, expected: list[tuple[str, str]]) -> None:
    assert [(change.text, change.kind) for change in changes(old, new)] == expected


def test_prune_keeps_only_what_the_shape_has() -> None:
    live = {"spec": {"a": 1, "ports": [{"port": 1, "protocol": "TCP"}, {"port": 2}]}, "status": {}}
    assert prune(live, {"spec": {"ports": [{"port": 9}]}, "x": 1}) == {"spec": {"ports": [{"port": 1}]}}


def test_union_has_the_keys_and_positions_of_both() -> None:
    assert union({"a": 1, "l": [{"x": 1}, 2]}, {"b": 1, "l": [{"y": 1}]}) == {
        "a": 1,
        "l": [{"x": 1, "y": 1}, 2],
        "b": 1,
    }


def test_merge_patch_changes_adds_and_removes() -> None:
    old = {"m": {"a": 1, "b": 2}, "l": [1], "same": {"x": 1}}
    new = {"m": {"a": 1, "c": 3}, "l": [1, 2], "same": {"x": 1}}
    assert merge_patch(old, new) == {"m": {"c": 3, "b": None}, "l": [1, 2]}
    assert merge_patch(old, new, lambda path: path != ("m", "b")) == {"m": {"c": 3}, "l": [1, 2]}


def test_ownership_is_read_from_managed_fields() -> None:
    fields = merge_owned({"f:spec": {"f:a": {}}}, {"f:spec": {"f:b": {"f:c": {}}}})
    assert owns(fields, ("spec", "a"))
    assert owns(fields, ("spec", "b", "c"))
    assert owns(fields, ("spec", "a", "key of a map that is kept as a whole"))
    assert not owns(fields, ("spec", "z"))


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("Deployment", ("spec", "selector", "matchLabels", "app"), True),
        ("Deployment", ("spec", "template"), False),
        ("Pod", ("spec", "containers", 0, "image"), True),
        ("Pod", ("spec", "activeDeadlineSeconds"), False),
        ("StatefulSet", ("spec", "volumeClaimTemplates", 0, "spec"), True),
        ("StatefulSet", ("spec", "replicas"), False),
        ("ConfigMap", ("data", "key"), True),
        ("Secret", ("type",), True),
        ("Service", ("spec", "clusterIP"), True),
        ("Service", ("spec", "clusterIPs"), False),
        ("Anything", ("metadata", "name"), True),
        ("PersistentVolumeClaim", ("spec", "resources", "requests"), False),
        ("RoleBinding", ("roleRef", "name"), True),
    ],
)
def test_what_replaces(kind: str, path: tuple[Any, ...], expected: bool) -> None:
    table = replace_paths({"apiVersion": "v1", "kind": kind})
    assert any(covers(rule, path) for rule in table) is expected


def test_configuration_can_make_data_mutable() -> None:
    mutable = frozenset({"ConfigMap"})
    obj = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert "data" not in replace_paths(obj, mutable)
    assert "data" in replace_paths({**obj, "immutable": True}, mutable)


def test_custom_resources_have_no_table() -> None:
    assert replace_paths({"apiVersion": "example.com/v1", "kind": "Deployment"}) == (
        "metadata.name",
        "metadata.namespace",
    )


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("spec", ("spec", "replicas"), True),
        ("spec.replicas", ("spec", "replicas"), True),
        ("spec.rep", ("spec", "replicas"), False),
        ("spec.c[0].image", ("spec", "c", 0, "image"), True),
        ("spec.c[1].image", ("spec", "c", 0, "image"), False),
        ("spec.c[*].image", ("spec", "c", 0, "image"), True),
        ('metadata.annotations["a.b/c"]', ("metadata", "annotations", "a.b/c"), True),
    ],
)
def test_ignored_paths(prefix: str, path: tuple[Any, ...], expected: bool) -> None:
    assert is_below(prefix, path) is expected


def test_path_text_and_get() -> None:
    assert path_text(("a", 0, "b.c")) == 'a[0]["b.c"]'
    assert get({"a": [{"b": 1}]}, "a", 0, "b") == 1
    assert get({"a": []}, "a", 3, "b", default="x") == "x"
