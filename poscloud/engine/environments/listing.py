"""Which environments of a project there are in a cluster, and how they are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from poscloud.cluster.target import Target
from poscloud.engine.environments import queue
from poscloud.engine.environments.expiry import Lease, lease_of
from poscloud.engine.environments.rest import Rest, rest_of
from poscloud.errors import AuthError
from poscloud.provider import config
from poscloud.provider.rest import ApiError, Client
from poscloud.render import names
from poscloud.spec.values import parse_quantity

SELECTOR = "app.kubernetes.io/managed-by=poscloud,app.kubernetes.io/component=environment"

WORKLOADS = ("deployments", "statefulsets")


@dataclass(frozen=True)
class Environment:
    """One environment that is there.

    Attributes:
        name: Stack and namespace.
        owner: Who asked for it; empty when nobody did, as for one of the project's own.
        copy_of: The environment it is a copy of; empty for none.
        merge_request: ``PROJECT!NUMBER``; empty for none.
        made: When its namespace was made.
        lease: How long it stays.
        deleting: Whether its namespace is being deleted.
        ready: Workloads of which all pods are ready.
        workloads: All its workloads.
        cpu: Processors that its pods ask for, in cores.
        memory: Memory that they ask for, in bytes.
        rest: Whether it sleeps, and when it should.
        pods: How many pods its workloads are to have.
        team: The team it counts for; empty for none.
        place: Where it stands among those that wait for the same room, the first is 1; 0 when it does not wait.
        queued: Whether its namespace is a ticket: it waits, takes room just now, or who waited with it is gone.
        silent_since: Since when nothing has been heard of who waited with it; ``None``: nobody is gone.
        target: The cluster it is in.
        made_with: Merge requests whose builds its services run, each ``PROJECT!NUMBER``.
    """

    name: str
    owner: str
    copy_of: str
    merge_request: str
    made: datetime
    lease: Lease
    deleting: bool
    ready: int
    workloads: int
    cpu: float
    memory: int
    rest: Rest = field(default_factory=Rest)
    pods: int = 0
    team: str = ""
    place: int = 0
    queued: bool = False
    silent_since: datetime | None = None
    target: Target | None = None
    made_with: tuple[str, ...] = ()

    @property
    def health(self) -> str:
        """In one word, or two numbers."""
        if self.deleting:
            return "deleting"
        if self.rest.asleep:
            return "asleep"
        if self.silent_since:
            return "gone while it waited"
        if self.place:
            return f"waiting ({queue.ordinal(self.place)})"
        if not self.workloads:
            return "empty"
        return "ready" if self.ready == self.workloads else f"{self.ready} of {self.workloads} ready"


def environments(target: Target, project: str) -> list[Environment]:
    """Return the environments of a project that are in a cluster, by name.

    Raises:
        AuthError: The cluster does not know this user, or does not let it list namespaces.
        UnreachableError: It does not answer.
    """
    access = config.load({"kubeconfig": str(target.kubeconfig), "context": target.context})
    found = asyncio.run(_environments(Client(access), project))
    return [replace(environment, target=target) for environment in found]


async def namespaces(client: Client, project: str) -> list[dict[str, Any]]:
    """Return the namespaces of a project's environments, by name; errors as in ``environments``."""
    try:
        answer = await client.request("GET", "/api/v1/namespaces", {"labelSelector": SELECTOR})
    except ApiError as error:
        if error.status != 403:
            raise
        raise AuthError(
            f"which environments there are cannot be told: {error.message}",
            hint="this user needs ClusterRole poscloud-environments: poscloud access (docs/access.md)",
        ) from None
    own = [item for item in answer.get("items") or [] if annotation(item, names.STACK_ANNOTATION)]
    return [i for i in own if annotation(i, names.STACK_ANNOTATION).rpartition("/")[0] == project]


async def _environments(client: Client, project: str) -> list[Environment]:
    mine = await namespaces(client, project)
    copies, now = [queue.copy_in(item) for item in mine], datetime.now(UTC)
    return list(await asyncio.gather(*(_environment(client, item, copies, now) for item in mine)))


async def _environment(
    client: Client, namespace: dict[str, Any], copies: list[queue.Copy], now: datetime
) -> Environment:
    meta = namespace["metadata"]
    found = await asyncio.gather(*(_workloads(client, meta["name"], plural) for plural in WORKLOADS))
    workloads = [workload for some in found for workload in some]
    lease, copy = lease_of(namespace), queue.copy_in(namespace)
    return Environment(
        name=str(meta["name"]),
        owner=annotation(namespace, names.OWNER_ANNOTATION),
        copy_of=annotation(namespace, names.COPY_ANNOTATION),
        merge_request=annotation(namespace, names.MERGE_REQUEST_ANNOTATION),
        made=datetime.fromisoformat(str(meta["creationTimestamp"]).replace("Z", "+00:00")),
        lease=lease,
        deleting="deletionTimestamp" in meta,
        ready=sum(_is_ready(workload) for workload in workloads),
        workloads=len(workloads),
        cpu=float(sum(_asked(workload, "cpu") for workload in workloads)),
        memory=int(sum(_asked(workload, "memory") for workload in workloads)),
        rest=rest_of(namespace),
        pods=sum(int(workload["spec"].get("replicas", 1)) for workload in workloads),
        team=copy.team,
        place=queue.place(copy, copies, now),
        queued=copy.sign is not None,
        silent_since=copy.sign if copy.is_gone(now) else None,
        made_with=tuple(filter(None, annotation(namespace, names.MADE_WITH_ANNOTATION).split(","))),
    )


async def _workloads(client: Client, namespace: str, plural: str) -> list[dict[str, Any]]:
    """Return the workloads of a kind; none where this user may not look."""
    try:
        return (await client.request("GET", f"/apis/apps/v1/namespaces/{namespace}/{plural}")).get(
            "items"
        ) or []
    except ApiError as error:
        if error.status in (403, 404):
            return []
        raise


def _is_ready(workload: dict[str, Any]) -> bool:
    wanted = int(workload["spec"].get("replicas", 1))
    return int((workload.get("status") or {}).get("readyReplicas", 0)) >= wanted


def _asked(workload: dict[str, Any], what: str) -> Decimal:
    """Return what all pods of a workload ask for."""
    containers = workload["spec"]["template"]["spec"]["containers"]
    asked = [c.get("resources", {}).get("requests", {}).get(what) for c in containers]
    each = sum((parse_quantity(text) for text in asked if text), Decimal(0))
    return each * int(workload["spec"].get("replicas", 1))


def annotation(namespace: dict[str, Any], name: str) -> str:
    """Return an annotation of a live namespace; empty when it has none of that name."""
    return str(((namespace.get("metadata") or {}).get("annotations") or {}).get(name, ""))
