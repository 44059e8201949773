"""Manifests that lack what is read off them are told as a problem of their file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from poscloud.errors import InputError
from poscloud.imports.importing import Choices, imported
from poscloud.imports.reading import parse, read_files, source_of
from poscloud.render.names import SECRET_SOURCE_ANNOTATION

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "CronJob": ({"spec": {"schedule": "* * * * *"}}, "no spec.jobTemplate.spec.template.spec.containers"),
    "Deployment": (
        {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}},
        "has containers without image",
    ),
    "Service": ({}, "has no spec"),
    "Ingress": ({"spec": None}, "has no spec"),
    "HorizontalPodAutoscaler": ({"spec": {"minReplicas": 1}}, "has no spec.maxReplicas"),
    "LimitRange": ({"spec": {"limits": {}}}, "has spec.limits that is no list"),
    "ConfigMap": ({"data": []}, "has data that is no map"),
    "NetworkPolicy": ({"spec": {"ingress": [5]}}, "has spec.ingress with an entry that is no map"),
    "StatefulSet": ({"spec": {"replicas": "two"}}, "has spec.replicas that is no whole number"),
    "Secret": ({"data": {"a": 5}}, "has data.a that is no text"),
    "DaemonSet": ({"spec": {"template": {"spec": {"nodeSelector": "x"}}}}, "nodeSelector that is no map"),
    "Job": ({"spec": {"template": {"spec": {"containers": [{"args": [1]}]}}}}, "an entry that is no text"),
}


@pytest.mark.parametrize("kind", CASES)
def test_what_is_missing_is_said(kind: str) -> None:
    fields, why = CASES[kind]
    text = json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **fields})
    with pytest.raises(InputError) as caught:
        parse(Path("m.yaml"), text)
    assert f"m.yaml: document 1 is no manifest: this {kind}" in str(caught.value)
    assert why in str(caught.value)


def test_a_field_that_is_null_is_one_that_is_not_there() -> None:
    (item,) = parse(
        Path("m.yaml"),
        "{apiVersion: v1, kind: Service, metadata: {name: a, labels: null}, spec: {ports: null, selector: {b: c}}}",
    )
    assert item == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"selector": {"b": "c"}},
    }


def test_what_is_not_read_may_be_anything() -> None:
    spec = {"containers": 5, "rules": "x"}
    text = json.dumps({"apiVersion": "x/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec})
    assert len(parse(Path("m.yaml"), text)) == 1


def test_a_date_that_is_none_is_no_valid_yaml() -> None:
    with pytest.raises(InputError, match=r"m\.yaml: not valid YAML"):
        parse(Path("m.yaml"), "a: 2024-13-45\n")


def test_standard_input_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a: \xff\n")))
    with pytest.raises(InputError, match=r"\(standard input\): cannot be read: byte 4 is no UTF-8 text"):
        read_files([Path("-")], None)


def test_fields_of_another_type_than_their_namesakes_are_read() -> None:
    container = {"name": "a", "image": "i", "readinessProbe": {"grpc": {"port": 1, "service": "health"}}}
    volumes = [
        {"name": "o", "image": {"reference": "r"}},
        {"name": "g", "glusterfs": {"endpoints": "e", "path": "p"}},
    ]
    spec = {"template": {"spec": {"containers": [container], "volumes": volumes}}}
    text = json.dumps(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    )
    assert len(parse(Path("m.yaml"), text)) == 1


POD = {"template": {"spec": {"containers": [{"name": "a", "image": "i"}]}}}
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "Service": ({"spec": {"ports": [{"port": "a:b"}]}}, "spec.ports.port that is no whole number"),
    "StatefulSet": (
        {"spec": {**POD, "volumeClaimTemplates": [{"metadata": {"a": "b"}, "spec": {"c": "d"}}]}},
        "has spec.volumeClaimTemplates.metadata without name",
    ),
    "Role": ({"metadata": {"name": "a", "annotations": 5}}, "metadata.annotations that is no map"),
    "Ingress": (
        {"spec": {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "a", "port": [1]}}}]}}]}},
        "service.port that is no map",
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_a_damaged_manifest_has_instead_is_said(kind: str) -> None:
    fields, why = ODD[kind]
    text = json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **fields})
    with pytest.raises(InputError) as caught:
        parse(Path("m.yaml"), text)
    assert why in str(caught.value)


def test_odd_names_and_annotations_and_servers_that_are_gone_are_no_tracebacks(tmp_path: Path) -> None:
    pod = {"containers": [{"name": "{a}", "image": "r.example.com/x/a:1"}]}
    made: list[dict[str, Any]] = [
        {"kind": "Deployment", "metadata": {"name": "${x"}, "spec": {"template": {"spec": pod}}},
        {"kind": "Secret", "metadata": {"name": "s", "annotations": {SECRET_SOURCE_ANNOTATION: "a:b"}}},
        {
            "kind": "Service",
            "metadata": {"name": "db"},
            "spec": {"ports": [{"name": "client", "port": 3306}]},
        },
        {"kind": "EndpointSlice", "metadata": {"name": "db"}, "endpoints": []},
        {
            "kind": "NetworkPolicy",
            "metadata": {"name": "isolation"},
            "spec": {"ingress": [{"from": [{"ipBlock": {}}]}]},
        },
    ]
    text = "\n---\n".join(json.dumps({"apiVersion": "v1", **item}) for item in made)
    odd = imported(source_of(parse(Path("m.yaml"), text), "shop"), tmp_path, "a test", Choices())
    assert any("'${x' is not a DNS name" in note for note in odd.notes) and not odd.spec.services
    text = text.replace("${x", "a").replace("{a}", "a")
    result = imported(source_of(parse(Path("m.yaml"), text), "shop"), tmp_path, "a test", Choices())
    assert list(result.spec.services) == ["a"] and not result.spec.backing
