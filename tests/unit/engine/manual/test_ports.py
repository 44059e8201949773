"""Which port of a pod is meant by a number, a name, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from poscloud.engine.manual.ports import port_of
from poscloud.errors import PosCloudError
from tests.unit.engine.manual.conftest import NAMESPACE, Shop

POD: dict[str, Any] = {
    "metadata": {"namespace": "shop"},
    "spec": {
        "containers": [
            {"name": "web", "ports": [
                {"containerPort": 53, "protocol": "UDP"}, {"name": "http", "containerPort": 8080}, {"containerPort": 9},
            ]},
            {"name": "helper", "ports": [{"name": "metrics", "containerPort": 9100}]},
        ]
    },
}  # fmt: skip


@pytest.fixture
def served(shop: Shop) -> Shop:
    shop.objects[f"{NAMESPACE}/services/web"] = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"ports": [{"name": "main", "port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 7}]},
    }  # fmt: skip
    return shop


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("", 8080), ("http", 8080), ("9", 9), ("metrics", 9100), ("80", 8080), ("main", 8080), ("81", 7),
        ("12345", 12345),
    ],
)  # fmt: skip
async def test_a_port(served: Shop, wanted: str, number: int) -> None:
    told: list[str] = []
    assert await port_of(served.cluster, POD, "web", "web", wanted, told.append) == number
    assert told == ([] if wanted else ["it has the ports 8080 (http), 9; the first is taken"])


@pytest.mark.parametrize(
    ("container", "wanted", "told", "hint"),
    [
        ("web", "htpt", "web has no port 'htpt'", "did you mean 'http'?"),
        ("web", "0", "web has no port '0'", "known: http, metrics"),
        ("other", "", "container other of web declares no port", "poscloud forward web 8080"),
    ],
)
async def test_a_port_that_is_none(served: Shop, container: str, wanted: str, told: str, hint: str) -> None:
    with pytest.raises(PosCloudError, match=told) as caught:
        await port_of(served.cluster, POD, container, "web", wanted, print)
    assert hint in caught.value.hint
