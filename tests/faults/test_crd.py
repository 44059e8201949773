"""Row 17: a kind that the cluster does not have, or has only after the same up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.arena import Arena, shows
from tests.faults.plain import Plain, named

pytestmark = [pytest.mark.faults, pytest.mark.fault(17), pytest.mark.long]

GROUP = "faults.example.com"
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"lit": {"type": "boolean"}}}},
}


def definition(plural: str, kind: str) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}
            ],
        },
    }


@pytest.fixture
def plain(arena: Arena) -> Iterator[Plain]:
    found = Plain(arena)
    yield found
    found.remove()


def test_a_kind_and_its_first_object_come_up_together(plain: Plain) -> None:
    # The object is declared first, and nothing shows that it needs the kind.
    objects = [named(f"{GROUP}/v1", "Lamp", "hall", spec={"lit": True}), definition("lamps", "Lamp")]
    shows(plain.preview(*objects), "+ 4 to create", code=0, forbidden=["error", "warning"])
    shows(plain.up(*objects), "+ 4 created", code=0, within=40, forbidden=["error"])
    assert plain.arena.workspace.get(f"lamps.{GROUP}", "hall", "-n", Plain.NAMESPACE)["spec"] == {"lit": True}
    plain.converges(*objects)


def test_a_kind_that_never_comes_is_named(plain: Plain) -> None:
    other = named("v1", "ConfigMap", "goes-on", data={"a": "b"})
    done = plain.up(named(f"{GROUP}/v1", "Ghost", "hall", spec={}), other)
    shows(
        done,
        f"kind Ghost ({GROUP}/v1) is not installed",
        "install the CustomResourceDefinition of Ghost first",
    )
    assert done.seconds < 60 * 1.5
    assert plain.arena.workspace.get("configmap", "goes-on", "-n", Plain.NAMESPACE)
    plain.converges(other)
