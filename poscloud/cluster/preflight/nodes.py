"""Nodes as the scheduler sees them: what they can give, what is taken, and what keeps pods away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from poscloud.render.amounts import Defaults, amount
from poscloud.render.manifest import Manifest
from poscloud.render.preflight.claims import host_ports
from poscloud.spec.values import parse_quantity

Object = dict[str, Any]

RESOURCES = ("cpu", "memory", "ephemeral-storage")


@dataclass
class Node:
    """One node, and what is on it.

    Attributes:
        name: Its name.
        labels: Its labels.
        taints: What keeps pods away that do not tolerate it.
        cordoned: Whether it takes no pods at all.
        free: What it has left: cpu in cores, the others in bytes, pods.
        ports: Ports of the host that are taken, ``53/UDP``, each with its address.
        pods: The environment's pods that are on it, by their labels.
    """

    name: str
    labels: dict[str, str]
    taints: list[Object]
    cordoned: bool
    free: dict[str, Decimal]
    ports: set[tuple[str, str]] = field(default_factory=set)
    pods: list[dict[str, str]] = field(default_factory=list)

    @property
    def architecture(self) -> str:
        """Its architecture as images name it, ``amd64``."""
        return str(self.labels.get("kubernetes.io/arch", ""))

    def take(self, needs: dict[str, Decimal], ports: set[tuple[str, str]]) -> None:
        """Give away room and ports."""
        for resource, wanted in needs.items():
            self.free[resource] = self.free.get(resource, Decimal()) - wanted
        self.ports |= ports


def nodes_of(nodes: Iterable[Object], pods: Iterable[Object], environment: str) -> list[Node]:
    """Return the nodes with what all pods but the environment's own leave free.

    Args:
        nodes: As the API has them.
        pods: Those of the whole cluster that are not at their end.
        environment: The environment's namespace, whose pods are placed anew.
    """
    found = {node.name: node for node in map(_node, nodes)}
    for pod in pods:
        on = found.get(str(pod["spec"].get("nodeName") or ""))
        if on and pod["metadata"].get("namespace") != environment:
            on.take(needs_of(pod["spec"], None), host_ports(pod["spec"]))
    return list(found.values())


def _node(item: Object) -> Node:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    allocatable = status.get("allocatable") or status.get("capacity") or {}
    free = {r: _amount(allocatable[r]) for r in (*RESOURCES, "pods") if r in allocatable}
    return Node(
        name=str(item["metadata"]["name"]),
        labels=dict(item["metadata"].get("labels") or {}),
        taints=list(spec.get("taints") or []),
        cordoned=bool(spec.get("unschedulable")),
        free=free,
    )


def needs_of(pod: Manifest, defaults: Defaults | None) -> dict[str, Decimal]:
    """Return what a pod requests of a node: its containers together, or more for one that starts first."""
    needs: dict[str, Decimal] = Counter()  # type: ignore[assignment]
    for resource in RESOURCES:
        total, most = Decimal(), Decimal()
        for container in pod.get("initContainers") or []:
            request = _amount(amount(container, "requests", resource, defaults))
            if container.get("restartPolicy") == "Always":  # it stays beside the others
                total += request
            most = max(most, total + (Decimal() if container.get("restartPolicy") else request))
        beside = sum(
            (_amount(amount(c, "requests", resource, defaults)) for c in pod["containers"]), Decimal()
        )
        over = _amount((pod.get("overhead") or {}).get(resource))
        if needed := max(total + beside, most) + over:
            needs[resource] = needed
    needs["pods"] = Decimal(1)
    return dict(needs)


def _amount(text: Any) -> Decimal:
    try:
        return parse_quantity(str(text)) if text is not None else Decimal()
    except ValueError:
        return Decimal()
