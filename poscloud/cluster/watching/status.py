"""How the services of an environment are, in a few words and numbers each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from poscloud.cluster.watching.namespace import WORKLOADS, Namespace
from poscloud.cluster.watching.services import Service, services_of, statuses
from poscloud.cluster.watching.usage import Usage, usage_of
from poscloud.provider.diff import get
from poscloud.provider.trouble import STUCK, condition
from poscloud.render.names import ASLEEP_ANNOTATION

Object = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One service, as it is shown.

    Attributes:
        name: The service.
        kind: What it is.
        state: In one word or a few: ``ready``, ``CrashLoopBackOff``, ``waits``, ``not made``.
        ready: Pods that are ready.
        wanted: Pods that it is to have.
        restarts: How often its containers were started again.
        version: Of its jar or image.
        age: Seconds since its newest pod was made; ``None`` without a pod.
        cpu: Cores that its pods use, or ask for.
        memory: Bytes that they use, or ask for.
        measured: Whether these two are used rather than asked for.
        waits_for: What it starts after that is not ready, as long as it is not ready itself.
        after: All that it starts after.
    """

    name: str
    kind: str
    state: str
    ready: int
    wanted: int
    restarts: int
    version: str
    age: float | None
    cpu: float
    memory: int
    measured: bool
    waits_for: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """An environment at one moment.

    Attributes:
        name: The environment.
        rows: Its services, by name.
        asleep_since: Since when it sleeps; empty while it does not.
        unmeasured: Why CPU and memory are what pods ask for; empty where they are what pods use.
    """

    name: str
    rows: tuple[Row, ...]
    asleep_since: str
    unmeasured: str

    @property
    def all_ready(self) -> bool:
        """Whether every service is as it should be."""
        return all(row.state in ("ready", "asleep", "no pods wanted") for row in self.rows)


@dataclass(frozen=True)
class Seen:
    """What the cluster told of an environment, at one moment.

    Attributes:
        services: Its services by name.
        usage: What its pods use.
        asleep_since: Since when it sleeps; empty while it does not.
    """

    services: Mapping[str, Service]
    usage: Usage
    asleep_since: str = ""


async def services_in(namespace: Namespace) -> tuple[Object, dict[str, Service]]:
    """Return the live namespace, and all services in it by name; four requests at once.

    Raises:
        PosCloudError: As ``Namespace.verify`` and ``Namespace.listed``.
    """
    live, (pods, *workloads) = await asyncio.gather(
        namespace.verify(),
        asyncio.gather(*(namespace.listed(plural) for plural in ("pods", *WORKLOADS))),
    )
    return live, services_of([each for some in workloads for each in some], pods)


async def see(namespace: Namespace) -> Seen:
    """Ask the cluster for all that a status needs: five or six requests at once, whatever the number of services.

    Raises:
        PosCloudError: As ``services_in``.
    """
    (live, services), usage = await asyncio.gather(services_in(namespace), usage_of(namespace))
    since = str(get(live, "metadata", "annotations", default={}).get(ASLEEP_ANNOTATION, ""))
    return Seen(services, usage, since)


def status_of(
    name: str,
    seen: Seen,
    wanted: Sequence[str],
    unmade: Mapping[str, tuple[str, tuple[str, ...]]],
    now: datetime | None = None,
) -> Status:
    """Return how services are.

    Args:
        name: The environment.
        seen: What the cluster told.
        wanted: Which services.
        unmade: Kind, and what it starts after, of each that is described but not in the cluster.
        now: The time.
    """
    now = now or datetime.now(UTC)
    ready = {service.name for service in seen.services.values() if service.is_ready}
    rows = []
    for each in wanted:
        if each in seen.services:
            rows.append(_row(seen.services[each], seen.usage, ready, now))
        else:
            kind, after = unmade[each]
            waits = tuple(part for part in after if part not in ready)
            rows.append(Row(each, kind, "not made", 0, 0, 0, "", None, 0.0, 0, False, waits, after))
    return Status(name, tuple(rows), seen.asleep_since, seen.usage.why_none)


def _row(service: Service, usage: Usage, ready: set[str], now: datetime) -> Row:
    used = usage.of(service.pods)
    cpu, memory = used or (service.asked("cpu"), service.asked("memory"))
    waits = () if service.name in ready else tuple(part for part in service.after if part not in ready)
    return Row(
        name=service.name,
        kind=service.kind,
        state=state_of(service, waits),
        ready=service.ready,
        wanted=service.wanted,
        restarts=service.restarts,
        version=service.version,
        age=(now - service.newest).total_seconds() if service.newest else None,
        cpu=float(cpu),
        memory=int(memory),
        measured=used is not None,
        waits_for=waits,
        after=service.after,
    )


def state_of(service: Service, waits_for: Sequence[str] = ()) -> str:
    """Return how a service is, in a word or a few."""
    if service.asleep:
        return "asleep"
    if not service.wanted:
        return "no pods wanted"
    for pod in service.pods:
        if trouble := trouble_of(pod):
            return trouble
    if service.is_ready:
        return "ready"
    if len(service.pods) < service.wanted:
        return "pods missing"
    return "updating" if service.ready >= service.wanted else "waits" if waits_for else "starting"


def trouble_of(pod: Object) -> str:
    """Return Kubernetes' own word for what is wrong with a pod; empty where nothing is, or it only takes its time."""
    if get(pod, "metadata", "deletionTimestamp"):
        return ""
    if condition(pod, "PodScheduled").get("reason") == "Unschedulable":
        return "Unschedulable"
    for status in statuses(pod):
        reason = get(status, "state", "waiting", "reason", default="")
        if reason in STUCK:
            return str(reason)
        ended = get(status, "state", "terminated", default={})
        if ended and ended.get("exitCode"):
            return f"{ended.get('reason', 'Error')} (exit {ended['exitCode']})"
    return ""
