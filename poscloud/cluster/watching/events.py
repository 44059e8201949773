"""What the cluster told of the objects of an environment: its events, as people read them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from poscloud.cluster.watching.services import Service, moment
from poscloud.provider.diff import get
from poscloud.provider.trouble import claims_of, last_seen

Object = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        seen: When it was last seen, in UTC.
        count: How often.
        warning: Whether it is a warning.
        about: Kind and name of what it is about: ``Pod web-1``.
        service: The service that belongs to; empty for none.
        reason: Kubernetes' own word.
        message: What was told.
    """

    seen: datetime
    count: int
    warning: bool
    about: str
    service: str
    reason: str
    message: str


def events_of(found: Iterable[Object], services: Iterable[Service], wanted: Collection[str]) -> list[Event]:
    """Return events, the newest last.

    Args:
        found: Live events.
        services: All services of the environment.
        wanted: Only those of these services; all events where none is named.
    """
    owners = {about: service.name for service in services for about in _objects(service)}
    events = [_event(each, _owner(each, owners)) for each in found]
    return sorted(
        (event for event in events if not wanted or event.service in wanted), key=lambda event: event.seen
    )


def warnings_of(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the warnings among events as ``Reason: message``."""
    return tuple(f"{event.reason}: {event.message}" for event in events if event.warning)


def _objects(service: Service) -> Iterable[tuple[str, str]]:
    for workload in service.workloads:
        yield str(workload["kind"]), str(workload["metadata"]["name"])
    for pod in service.pods:
        yield "Pod", str(pod["metadata"]["name"])
        for owner in get(pod, "metadata", "ownerReferences", default=[]):
            yield str(owner.get("kind")), str(owner.get("name"))
        for claim in claims_of(pod):
            yield "PersistentVolumeClaim", claim


def _owner(event: Object, owners: dict[tuple[str, str], str]) -> str:
    """Return the service of an event: of a ReplicaSet or pod that is gone already by the beginning of its name."""
    kind, name = str(get(event, "involvedObject", "kind")), str(get(event, "involvedObject", "name"))
    if (kind, name) in owners:
        return owners[kind, name]
    if kind in ("Pod", "ReplicaSet", "HorizontalPodAutoscaler", "Service", "Ingress", "Endpoints"):
        parts = name.split("-")
        for end in range(len(parts), 0, -1):
            begin = "-".join(parts[:end])
            for owner in ("Deployment", "StatefulSet"):
                if (owner, begin) in owners and len(parts) - end <= 2:
                    return owners[owner, begin]
    return ""


def _event(found: Object, service: str) -> Event:
    about = get(found, "involvedObject", default={})
    count = found.get("count") or get(found, "series", "count", default=1)
    when = last_seen(found) or str(get(found, "metadata", "creationTimestamp"))[:19]
    return Event(
        seen=moment(f"{when}+00:00").astimezone(UTC),
        count=int(count),
        warning=found.get("type") == "Warning",
        about=f"{about.get('kind', '')} {about.get('name', '')}".strip(),
        service=service,
        reason=str(found.get("reason", "")),
        message=" ".join(str(found.get("message", "")).split()),
    )
