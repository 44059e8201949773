"""What the engine's state has of an environment, by services: its objects, and what each of them waited for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENVIRONMENT = "poscloud:index:Environment"

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})
"""Kinds that run pods."""


@dataclass(frozen=True)
class Made:
    """One object of the state.

    Attributes:
        urn: The engine's name of it.
        kind: Its kind.
        name: Its name.
        component: URN of the component it belongs to.
        after: URNs of what had to be there first.
        uid: Which object it is; empty where the state does not tell.
        api_version: Of the object.
    """

    urn: str
    kind: str
    name: str
    component: str
    after: frozenset[str]
    uid: str
    api_version: str

    @property
    def key(self) -> str:
        """``Kind/name``."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Stated:
    """What the state has.

    Attributes:
        components: URN of every component → its name.
        objects: Every object, in the order it was made.
    """

    components: Mapping[str, str]
    objects: tuple[Made, ...]

    def parts(self) -> dict[str, str]:
        """Return service or backing service → URN of its component."""
        return {name: urn for urn, name in self.components.items() if class_of(urn) not in _NO_PARTS}

    def of(self, urn: str) -> list[Made]:
        """Return the objects of one component."""
        return [each for each in self.objects if each.component == urn]


_NO_PARTS = frozenset({"Environment", "TeamAccess", "Monitoring"})
"""Components that are no services."""


def stated(deployment: Mapping[str, Any]) -> Stated:
    """Return what the engine's state, as it is exported, has of an environment."""
    resources = [r for r in deployment.get("resources") or () if not r.get("delete")]
    components = {
        str(r["urn"]): str(r["urn"]).rpartition("::")[2]
        for r in resources
        if str(r["type"]).startswith("poscloud:index:")
    }
    objects = tuple(_made(r) for r in resources if str(r["type"]).startswith("kubernetes:"))
    return Stated(components, objects)


def _made(resource: Mapping[str, Any]) -> Made:
    metadata = (resource.get("outputs") or {}).get("metadata") or {}
    return Made(
        urn=str(resource["urn"]),
        kind=str(resource["type"]).rpartition(":")[2],
        name=str(resource["urn"]).rpartition("::")[2],
        component=str(resource.get("parent") or ""),
        after=frozenset(map(str, resource.get("dependencies") or ())),
        uid=str(metadata.get("uid") or ""),
        api_version=str((resource.get("inputs") or {}).get("apiVersion") or ""),
    )


def class_of(urn: str) -> str:
    """Return the class of a component: the end of the last type in its URN."""
    return urn.split("::")[2].rpartition(":")[2]
