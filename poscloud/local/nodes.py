"""What pods run on. Simulated nodes today; the interface is open for others."""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from poscloud.errors import DeployError
from poscloud.local.api import LocalApi


def architecture() -> str:
    """This machine's architecture as Kubernetes and Go call it."""
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


# Environments select their nodes by these; a node that lacks them would leave every pod pending.
LABELS = {"node": "public", "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture(), "type": "kwok"}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
POOL_SIZE = 6
CAPACITY = {"cpu": "32", "memory": "64Gi", "pods": "110", "ephemeral-storage": "1Ti"}


class NodeKind(Protocol):
    """A kind of nodes the local control plane can have."""

    @property
    def name(self) -> str:
        """What ``--nodes`` calls it."""

    @property
    def components(self) -> tuple[str, ...]:
        """The programs it needs beside the control plane's own, by name."""

    def prepare(self, api: LocalApi, *, starting: bool) -> None:
        """Make the nodes that are missing; called before the kind's own programs start.

        Args:
            api: The API server, ready for writes.
            starting: Whether those programs are about to start, rather than run already.
        """

    def add(self, api: LocalApi, selectors: Iterable[Mapping[str, str]]) -> None:
        """Make nodes for each of these sets of labels that no node has.

        Args:
            api: The API server.
            selectors: Labels that pods ask of their nodes.
        """

    def ready(self, api: LocalApi, since: datetime.datetime) -> bool:
        """Whether every node is ready, by a sign of life given after ``since``."""


@dataclass(frozen=True)
class KwokNodes:
    """Simulated nodes: the scheduler and the controllers are real, the containers are not.

    Attributes:
        count: How many; nodes above this number that exist already are left alone.
    """

    count: int = 6

    @property
    def name(self) -> str:
        """What ``--nodes`` calls it."""
        return "kwok"

    @property
    def components(self) -> tuple[str, ...]:
        """The simulator."""
        return ("kwok",)

    def prepare(self, api: LocalApi, *, starting: bool) -> None:
        """Make the nodes that are missing, and free those that an earlier simulator held."""
        items = (api.get("/api/v1/nodes") or {}).get("items", [])
        existing = {item["metadata"]["name"] for item in items}
        if starting:
            # A simulator waits 40 s for a lease that another one held, even when that one is gone for good.
            for node in filter(is_fake, items):
                api.delete(f"{LEASES}/{node['metadata']['name']}")
        for number in range(1, self.count + 1):
            if f"node{number}" not in existing:
                api.create("/api/v1/nodes", manifest(f"node{number}", number, LABELS))

    def add(self, api: LocalApi, selectors: Iterable[Mapping[str, str]]) -> None:
        """Make a pool of six nodes for each of these sets of labels that no node has."""
        items = (api.get("/api/v1/nodes") or {}).get("items", [])
        known = [item["metadata"].get("labels", {}) for item in items]
        for selector in selectors:
            if any(selector.items() <= labels.items() for labels in known):
                continue
            words = re.sub(r"[^a-z0-9]+", "-", "-".join(selector.values()).lower()).strip("-") or "pool"
            for number in range(1, POOL_SIZE + 1):
                labels = {**LABELS, **selector}
                api.create("/api/v1/nodes", manifest(f"{words}-node{number}", len(known) + 1, labels))
                known.append(labels)

    def ready(self, api: LocalApi, since: datetime.datetime) -> bool:
        """Whether all report ready and have renewed their lease: an old condition alone may be of yesterday."""
        nodes = (api.get("/api/v1/nodes") or {}).get("items", [])
        mine = [
            node
            for node in nodes
            if node["metadata"].get("annotations", {}).get("kwok.x-k8s.io/node") == "fake"
        ]
        if len(mine) < self.count or not all(map(is_ready, mine)):
            return False
        leases = api.get(LEASES) or {}
        renewed = {
            lease["metadata"]["name"]: lease["spec"].get("renewTime", "") for lease in leases.get("items", [])
        }
        return all(_after(renewed.get(node["metadata"]["name"], ""), since) for node in mine)


def manifest(name: str, number: int, labels: Mapping[str, str]) -> dict[str, Any]:
    """The manifest of one simulated node; ``number`` gives it a range of pod addresses of its own."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {**labels, "kubernetes.io/hostname": name, "node-role.kubernetes.io/worker": ""},
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {"podCIDR": _pod_cidr(number), "podCIDRs": [_pod_cidr(number)]},
        "status": {"capacity": CAPACITY, "allocatable": CAPACITY},
    }


def _pod_cidr(number: int) -> str:
    return f"10.{244 + number // 256}.{number % 256}.0/24"


def is_fake(node: dict[str, Any]) -> bool:
    """Whether the node is a simulated one."""
    return bool(node["metadata"].get("annotations", {}).get("kwok.x-k8s.io/node") == "fake")


def is_ready(node: dict[str, Any]) -> bool:
    """Whether the node's own condition says that it is ready."""
    conditions = node.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _after(timestamp: str, moment: datetime.datetime) -> bool:
    if not timestamp:
        return False
    return datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")) >= moment


def node_kind(name: str, count: int | None = None) -> NodeKind:
    """The kind of nodes of that name.

    Raises:
        DeployError: There is no such kind in this version.
    """
    if name == "kwok":
        return KwokNodes() if count is None else KwokNodes(count)
    if name == "real":
        raise DeployError(
            "nodes of kind 'real' (real containers) are not part of this version; known: kwok",
            hint="poscloud cluster up --nodes kwok, or name an existing cluster by its kubeconfig context",
        )
    raise DeployError(f"unknown kind of nodes {name!r}; known: kwok", hint="poscloud cluster up --nodes kwok")
