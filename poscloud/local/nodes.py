"""What pods run on: simulated nodes here, real ones in ``realnodes``."""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from poscloud.errors import UsageError
from poscloud.local.api import LocalApi

if TYPE_CHECKING:
    from poscloud.local.components import Component, Settings
    from poscloud.local.paths import ProjectPaths
    from poscloud.local.progress import Reporter
    from poscloud.local.status import ComponentStatus


def architecture() -> str:
    """This machine's architecture as Kubernetes and Go call it."""
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


# Environments select their nodes by these; a node that lacks them would leave every pod pending.
LABELS = {"node": "public", "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture(), "type": "kwok"}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
POOL_SIZE = 6
DEFAULTS = {"kwok": 6, "real": 1}
MOST = {"kwok": 1000, "real": 8}
CAPACITY = {"cpu": "32", "memory": "64Gi", "pods": "110", "ephemeral-storage": "1Ti"}


class NodeKind(Protocol):
    """A kind of nodes the local control plane can have."""

    @property
    def name(self) -> str:
        """What ``--nodes`` calls it."""

    @property
    def components(self) -> tuple[str, ...]:
        """The programs it needs beside the control plane's own, by name."""

    @property
    def programs(self) -> tuple[Component, ...]:
        """Everything that is started on this machine, the control plane's own among it, in this order."""

    @property
    def real(self) -> int:
        """How many of the nodes run real containers."""

    @property
    def fleet(self) -> int:
        """How many simulated nodes it has."""

    def require(self, paths: ProjectPaths) -> None:
        """See that this machine can have such nodes.

        Raises:
            DeployError: Something is missing; says all of it.
        """

    def ensure(self, paths: ProjectPaths, reporter: Reporter) -> None:
        """Make what they need beyond the toolchain.

        Args:
            paths: The project.
            reporter: Told what is being done.

        Raises:
            DeployError: Something is missing.
        """

    def configure(self, settings: Settings) -> None:
        """Write the kind's own configuration files."""

    def clear(self, settings: Settings) -> None:
        """Remove what its programs may have left when they were killed."""

    def supervised(self, paths: ProjectPaths, *, running: bool) -> tuple[ComponentStatus, ...]:
        """The programs that are started by others of its programs, now."""

    def logs(self, paths: ProjectPaths) -> dict[str, list[Path]]:
        """The log files of each program, by name; one of each node."""

    def prepare(self, api: LocalApi, paths: ProjectPaths, *, starting: bool) -> None:
        """Make the nodes that are missing; called before the kind's own programs start.

        Args:
            api: The API server, ready for writes.
            paths: The project.
            starting: Whether those programs are about to start, rather than run already.
        """

    def add(self, api: LocalApi, selectors: Iterable[Mapping[str, str]]) -> None:
        """Make nodes for each of these sets of labels that no node has.

        Args:
            api: The API server.
            selectors: Labels that pods ask of their nodes.
        """

    def ready(self, api: LocalApi, since: datetime.datetime, paths: ProjectPaths) -> bool:
        """Whether every node is ready, by a sign of life given after ``since``."""


@dataclass(frozen=True)
class KwokNodes:
    """Simulated nodes: the scheduler and the controllers are real, the containers are not.

    Attributes:
        count: How many; nodes above this number that exist already are left alone.
        taints: Of every node that is made.
    """

    count: int = 6
    taints: tuple[Mapping[str, str], ...] = ()

    @property
    def name(self) -> str:
        """What ``--nodes`` calls it."""
        return "kwok" if self.count == DEFAULTS["kwok"] else f"kwok={self.count}"

    @property
    def components(self) -> tuple[str, ...]:
        """The simulator."""
        return ("kwok",)

    @property
    def programs(self) -> tuple[Component, ...]:
        """The control plane and the simulator."""
        from poscloud.local.components import COMPONENTS

        return COMPONENTS

    @property
    def real(self) -> int:
        """None."""
        return 0

    @property
    def fleet(self) -> int:
        """All of them."""
        return self.count

    def require(self, paths: ProjectPaths) -> None:
        """Run anywhere."""

    def ensure(self, paths: ProjectPaths, reporter: Reporter) -> None:
        """Need nothing."""

    def configure(self, settings: Settings) -> None:
        """Have no files of their own."""

    def clear(self, settings: Settings) -> None:
        """Leave nothing."""

    def supervised(self, paths: ProjectPaths, *, running: bool) -> tuple[ComponentStatus, ...]:
        """None: each is started by itself."""
        return ()

    def logs(self, paths: ProjectPaths) -> dict[str, list[Path]]:
        """One of each program."""
        return {entry.name: [paths.cluster / "logs" / f"{entry.name}.log"] for entry in self.programs}

    def prepare(self, api: LocalApi, paths: ProjectPaths, *, starting: bool) -> None:
        """Make the nodes that are missing, and free those that an earlier simulator held."""
        items = (api.get("/api/v1/nodes") or {}).get("items", [])
        existing = {item["metadata"]["name"] for item in items}
        if starting:
            # A simulator waits 40 s for a lease that another one held, even when that one is gone for good.
            for node in filter(is_fake, items):
                api.delete(f"{LEASES}/{node['metadata']['name']}")
        for number in range(1, self.count + 1):
            if f"node{number}" not in existing:
                api.create("/api/v1/nodes", manifest(f"node{number}", number, LABELS, self.taints))

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

    def ready(self, api: LocalApi, since: datetime.datetime, paths: ProjectPaths) -> bool:
        """Whether all report ready and have renewed their lease: an old condition alone may be of yesterday."""
        nodes = (api.get("/api/v1/nodes") or {}).get("items", [])
        mine = [
            node
            for node in nodes
            if node["metadata"].get("annotations", {}).get("kwok.x-k8s.io/node") == "fake"
        ]
        if len(mine) < self.count or not all(map(is_ready, mine)):
            return False
        return signs_of_life(api, mine, since)


def signs_of_life(api: LocalApi, nodes: Iterable[Mapping[str, Any]], since: datetime.datetime) -> bool:
    """Whether each of these nodes has renewed its lease after ``since``."""
    leases = api.get(LEASES) or {}
    renewed = {
        lease["metadata"]["name"]: lease["spec"].get("renewTime", "") for lease in leases.get("items", [])
    }
    return all(_after(renewed.get(node["metadata"]["name"], ""), since) for node in nodes)


def said_ready(node: Mapping[str, Any], since: datetime.datetime) -> bool:
    """Whether a node has said after ``since`` that it is ready."""
    conditions = node.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and _after(c.get("lastHeartbeatTime") or "", since) for c in conditions)


def manifest(
    name: str, number: int, labels: Mapping[str, str], taints: Iterable[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """The manifest of one simulated node; ``number`` gives it a range of pod addresses of its own."""
    tainted = {"taints": [dict(taint) for taint in taints]} if taints else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {**labels, "kubernetes.io/hostname": name, "node-role.kubernetes.io/worker": ""},
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {"podCIDR": _pod_cidr(number), "podCIDRs": [_pod_cidr(number)], **tainted},
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


def node_kind(text: str) -> NodeKind:
    """The kind of nodes that ``--nodes`` asks for: ``kwok[=N]``, ``real[=N]``, or both with a comma.

    Raises:
        UsageError: The text says something else.
    """
    counts: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = part.strip().partition("=")
        if name not in ("kwok", "real"):
            raise _unknown(f"unknown kind of nodes {name!r}; known: kwok (simulated), real")
        if name in counts:
            raise _unknown(f"{name!r} is named twice in --nodes {text}")
        if equals and not (re.fullmatch(r"[0-9]{1,4}", number) and 1 <= int(number) <= MOST[name]):
            raise _unknown(f"{number!r} is no number of nodes of kind {name!r}; expected 1 to {MOST[name]}")
        counts[name] = int(number) if equals else DEFAULTS[name]
    if "real" not in counts:
        return KwokNodes(counts["kwok"])
    from poscloud.local.realnodes.kind import RealNodes

    return RealNodes(counts["real"], counts.get("kwok", 0))


def _unknown(message: str) -> UsageError:
    return UsageError(
        message, hint="poscloud cluster up --nodes kwok, --nodes real=2, or --nodes real,kwok=3"
    )
