"""Who has to remove a finalizer, as far as the object tells."""

from __future__ import annotations

from typing import Any

import pytest

from poscloud.engine.holders import held
from poscloud.engine.teardown import Remains


def live(
    finalizer: str = "", api_version: str = "v1", kind: str = "ConfigMap", **meta: Any
) -> dict[str, Any]:
    finalizers = {"finalizers": [finalizer]} if finalizer else {}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "n", **finalizers, **meta},
    }


def set_by(manager: str) -> list[dict[str, Any]]:
    fields = {"f:metadata": {"f:finalizers": {".": {}, 'v:"example.com/hold"': {}}}}
    return [{"manager": manager, "fieldsV1": fields}, {"manager": "other", "fieldsV1": {"f:data": {}}}]


@pytest.mark.parametrize(
    ("obj", "says"),
    [
        (
            live("example.com/hold"),
            "finalizer example.com/hold, to be removed by the controller of example.com",
        ),
        (
            live("example.com/hold", managedFields=set_by("holder")),
            "set by holder, to be removed by the controller of example.com",
        ),
        (
            live("topics", "kafka.strimzi.io/v1beta2", "KafkaTopic"),
            "finalizer topics, to be removed by the controller of kafka.strimzi.io",
        ),
        (live("mine"), "finalizer mine, to be removed by who set it"),
        (
            live("mine", ownerReferences=[{"kind": "Kafka", "name": "logs"}]),
            "owned by Kafka logs, to be removed by who set it",
        ),
        (live("kubernetes.io/pvc-protection"), "removed by kube-controller-manager, when no pod uses it"),
        (live(deletionTimestamp="2026-01-01T00:00:00Z"), "no finalizer: it should go by itself"),
    ],
)
def test_who_has_to_let_an_object_go(obj: dict[str, Any], says: str) -> None:
    told = held(obj)
    assert told.startswith(f"{obj['kind']} n/x (")
    assert told.endswith(f"{says})")


@pytest.mark.parametrize(
    ("remains", "says"),
    [
        (Remains(), "0 objects, 0 PersistentVolumeClaims, 0 PersistentVolumes, 0 stack resources"),
        (Remains(retained=["PersistentVolume/a"]), "0 PersistentVolumes and 1 kept (Retain), 0 stack"),
        (
            Remains(unchecked=["PersistentVolumes"]),
            "0 stack resources, not checked, as this user may not list them: PersistentVolumes",
        ),
    ],
)
def test_the_certificate_tells_what_was_counted_and_what_was_not(remains: Remains, says: str) -> None:
    assert remains.is_clean
    assert says in str(remains)


@pytest.mark.parametrize(
    "remains",
    [Remains(["Namespace/n"]), Remains(claims=["c"]), Remains(volumes=["v"]), Remains(resources=1)],
    ids=["object", "claim", "volume", "resource"],
)
def test_whatever_is_left_is_no_certificate(remains: Remains) -> None:
    assert not remains.is_clean
