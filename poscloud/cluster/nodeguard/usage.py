"""What nodes and pods use, as the cluster's metrics say (metrics.k8s.io), beside what they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poscloud.errors import AuthError, DeployError
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError
from poscloud.render.names import GUARDED_ANNOTATION
from poscloud.spec.values import parse_quantity

Object = dict[str, Any]

METRICS = "/apis/metrics.k8s.io/v1beta1"
PAGE = 500
"""Objects of one answer."""

RUNNING = "status.phase!=Succeeded,status.phase!=Failed"
"""Pods that have ended use nothing: completed and evicted ones."""


@dataclass(frozen=True)
class Node:
    """One node.

    Attributes:
        name: Its name.
        memory: Memory in use, in percent of what it has for pods.
        cpu: CPU in use, the same.
    """

    name: str
    memory: float
    cpu: float


@dataclass(frozen=True)
class Pod:
    """One pod that has not ended.

    Attributes:
        namespace: Its namespace.
        name: Its name.
        uid: Its uid.
        node: Its node; empty while it has none.
        owner: Kind and name of what made it, ``ReplicaSet/web-7d9f``; empty: nothing.
        component: Its label ``app.kubernetes.io/component``: the kind of service.
        claims: Whether it has a volume with data of its own.
        never: Whether it says that it is not to be restarted.
        ending: Whether it is being deleted.
        waiting_since: Since when it is not ready; ``None``: it is.
        reason: Why it is not, in Kubernetes' word.
        memory: Bytes in use; ``None``: not known, as of one that has just begun.
        cpu: Cores in use; ``None``: the same.
    """

    namespace: str
    name: str
    uid: str
    node: str
    owner: str
    component: str = ""
    claims: bool = False
    never: bool = False
    ending: bool = False
    waiting_since: datetime | None = None
    reason: str = ""
    memory: int | None = None
    cpu: float | None = None

    @property
    def id(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def workload(self) -> str:
        """What it is a pod of, whatever its revision: ``namespace/web``."""
        name = self.owner.partition("/")[2]
        return f"{self.namespace}/{name.rpartition('-')[0] or name or self.name}"


async def observe(cluster: Cluster) -> tuple[list[Node], list[Pod]]:
    """Return all nodes that tell what they use, and all pods that have not ended.

    Raises:
        AuthError: This user may not ask for that.
        DeployError: The cluster has no metrics.
    """
    nodes, pods, node_use, pod_use = await asyncio.gather(
        _listed(cluster, "/api/v1/nodes"),
        _listed(cluster, "/api/v1/pods", fieldSelector=RUNNING),
        _metrics(cluster, "nodes"),
        _metrics(cluster, "pods"),
    )
    used = {item["metadata"]["name"]: item.get("usage") or {} for item in node_use}
    taken = {(item["metadata"]["namespace"], item["metadata"]["name"]): _total(item) for item in pod_use}
    found = [
        _node(item, used[item["metadata"]["name"]]) for item in nodes if item["metadata"]["name"] in used
    ]
    return found, [_pod(item, taken) for item in pods]


async def _listed(cluster: Cluster, path: str, **query: str) -> list[Object]:
    found: list[Object] = []
    more = ""
    while True:
        page = {**query, "limit": str(PAGE), **({"continue": more} if more else {})}
        try:
            answer = await cluster.client.request("GET", path, page)
        except ApiError as error:
            if error.status == 403:
                raise AuthError(
                    error.message, hint="which rights it needs: docs/components/node-guard.md"
                ) from None
            raise
        found += answer.get("items") or []
        more = str((answer.get("metadata") or {}).get("continue") or "")
        if not more:
            return found


async def _metrics(cluster: Cluster, plural: str) -> list[Object]:
    try:
        return await _listed(cluster, f"{METRICS}/{plural}")
    except ApiError as error:
        if error.status not in (404, 503):
            raise
        raise DeployError(
            f"the cluster serves no metrics of {plural} ({METRICS}): {error.message}",
            hint="install metrics-server; then: kubectl top node",
        ) from None


def _node(item: Object, usage: Mapping[str, str]) -> Node:
    has = item.get("status", {}).get("allocatable") or {}
    return Node(
        item["metadata"]["name"], *(_percent(usage.get(what), has.get(what)) for what in ("memory", "cpu"))
    )


def _percent(used: str | None, has: str | None) -> float:
    total = parse_quantity(has or "0")
    return float(100 * parse_quantity(used or "0") / total) if total else 0.0


def _total(item: Object) -> tuple[int, float]:
    """Return memory and CPU of all containers of a pod."""
    usages = [container.get("usage") or {} for container in item.get("containers") or []]
    memory = sum(int(parse_quantity(str(usage.get("memory", "0")))) for usage in usages)
    return memory, float(sum(parse_quantity(str(usage.get("cpu", "0"))) for usage in usages))


def _pod(item: Object, taken: Mapping[tuple[str, str], tuple[int, float]]) -> Pod:
    meta, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    owner = next((o for o in meta.get("ownerReferences") or [] if o.get("controller")), None)
    memory, cpu = taken.get((meta["namespace"], meta["name"]), (None, None))
    waiting, reason = _waiting(status, meta)
    return Pod(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        node=str(spec.get("nodeName") or ""),
        owner=f"{owner['kind']}/{owner['name']}" if owner else "",
        component=str((meta.get("labels") or {}).get("app.kubernetes.io/component", "")),
        claims=any("persistentVolumeClaim" in volume for volume in spec.get("volumes") or []),
        never=(meta.get("annotations") or {}).get(GUARDED_ANNOTATION) == "never",
        ending="deletionTimestamp" in meta,
        waiting_since=waiting,
        reason=reason,
        memory=memory,
        cpu=cpu,
    )


def _waiting(status: Object, meta: Object) -> tuple[datetime | None, str]:
    """Return since when a pod is not ready, and why."""
    ready: Object = next((c for c in status.get("conditions") or [] if c.get("type") == "Ready"), {})
    if ready.get("status") == "True":
        return None, ""
    states = [c.get("state") or {} for c in status.get("containerStatuses") or []]
    words = [str(s["waiting"].get("reason", "")) for s in states if "waiting" in s]
    since = str(ready.get("lastTransitionTime") or meta["creationTimestamp"])
    reason = next(filter(None, words), "") or str(ready.get("reason") or status.get("phase") or "")
    return datetime.fromisoformat(since.replace("Z", "+00:00")), reason
