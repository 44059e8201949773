"""Manifests that lack what is read off them are told as a problem of their file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from poscloud.errors import InputError
from poscloud.imports.reading import parse, read_files

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
}


@pytest.mark.parametrize("kind", CASES)
def test_what_is_missing_is_said(kind: str) -> None:
    fields, why = CASES[kind]
    text = json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **fields})
    with pytest.raises(InputError) as caught:
        parse(Path("m.yaml"), text)
    assert f"m.yaml: document 1 is no manifest: this {kind}" in str(caught.value)
    assert why in str(caught.value)


def test_a_date_that_is_none_is_no_valid_yaml() -> None:
    with pytest.raises(InputError, match=r"m\.yaml: not valid YAML"):
        parse(Path("m.yaml"), "a: 2024-13-45\n")


def test_standard_input_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a: \xff\n")))
    with pytest.raises(InputError, match=r"\(standard input\): cannot be read: byte 4 is no UTF-8 text"):
        read_files([Path("-")], None)
