"""Fields that an apply conflicts about, found in what was applied."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poscloud.provider.rest import ApiError
from poscloud.provider.unchanged import in_conflict, path_in, without_fields

SERVICE: dict[str, Any] = {
    "metadata": {"annotations": {"example.com/a": "1", "example.com/a.b": "2"}},
    "spec": {
        "publishNotReadyAddresses": False,
        "ports": [
            {"port": 80, "protocol": "TCP", "name": "http"},
            {"port": 80, "protocol": "UDP", "name": "x"},
        ],
    },
}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (".spec.publishNotReadyAddresses", ("spec", "publishNotReadyAddresses")),
        (".metadata.annotations.example.com/a.b", ("metadata", "annotations", "example.com/a.b")),
        ('.spec.ports[port=80,protocol="UDP"].name', ("spec", "ports", "[port=80,protocol=UDP]", "name")),
        ('.spec.ports[port=81,protocol="UDP"].name', None),
        (".spec.publish", None),
        (".status", None),
    ],
)
def test_a_field_as_the_server_writes_it(text: str, path: Any) -> None:
    assert path_in(SERVICE, text) == path


def test_fields_are_left_out_of_a_copy() -> None:
    paths = [
        path_in(SERVICE, f)
        for f in (".spec.publishNotReadyAddresses", '.spec.ports[port=80,protocol="UDP"].name')
    ]
    left = without_fields(SERVICE, [path for path in paths if path])
    assert left["spec"] == {"ports": [SERVICE["spec"]["ports"][0], {"port": 80, "protocol": "UDP"}]}
    assert "publishNotReadyAddresses" in SERVICE["spec"]


def refusal(status: int, *fields: str) -> ApiError:
    return ApiError(status, json.dumps({"details": {"causes": [{"field": f} for f in fields]}}).encode())


def test_with_a_field_that_is_not_known_none_is() -> None:
    field = ".spec.publishNotReadyAddresses"
    assert in_conflict(refusal(409, field, ".status"), SERVICE) == []
    assert in_conflict(refusal(409, field), SERVICE) == [("spec", "publishNotReadyAddresses")]
    assert in_conflict(refusal(422, field), SERVICE) == []
