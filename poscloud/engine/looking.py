"""Events, loads and addresses of services of an environment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poscloud.cluster.watching.addresses import addresses_of, ports_of
from poscloud.cluster.watching.events import Event, events_of
from poscloud.cluster.watching.selection import selected
from poscloud.cluster.watching.top import Load, loads_of
from poscloud.engine import watching
from poscloud.provider.diff import get


async def events(root: Path, stack: str, names: Sequence[str], *, warnings: bool) -> list[Event]:
    """Return the events of services, or of the whole environment where none is named, the newest last.

    Raises:
        UsageError: There is no such service.
        PosCloudError: The cluster does not answer, or not to this user.
    """
    namespace = watching.namespace_of(root, stack)
    query = {"fieldSelector": "type=Warning"} if warnings else {}
    services, found = await asyncio.gather(
        watching.all_services(root, namespace), namespace.listed("events", **query)
    )
    wanted = selected(names, services.keys(), stack) if names else ()
    return events_of(found, services.values(), wanted)


async def loads(root: Path, stack: str, names: Sequence[str]) -> tuple[list[Load], str]:
    """Return what services use, of those that are named each pod; and why nothing is measured, where it is not.

    Raises:
        UsageError: There is no such service.
        PosCloudError: The cluster does not answer, or not to this user.
    """
    namespace = watching.namespace_of(root, stack)
    seen = await watching.seen(root, namespace)
    services = [seen.services[name] for name in selected(names, seen.services.keys(), stack)]
    return loads_of(services, seen.usage, by_pod=bool(names)), seen.usage.why_none


@dataclass(frozen=True)
class Reach:
    """How to reach a service.

    Attributes:
        addresses: Where it listens for who is outside of the cluster; empty where it does not.
        forward: The command that makes it listen on this machine; empty where it has no port.
    """

    addresses: tuple[str, ...]
    forward: str


async def reach(root: Path, stack: str, name: str) -> Reach:
    """Return how to reach a service from this machine.

    Raises:
        UsageError: There is no such service.
        PosCloudError: The cluster does not answer, or not to this user.
    """
    namespace = watching.namespace_of(root, stack)
    found, services, ingresses = await asyncio.gather(
        watching.all_services(root, namespace), namespace.listed("services"), namespace.listed("ingresses")
    )
    (name, *_) = selected([name], found.keys(), stack)
    hosts = [str(get(pod, "status", "hostIP", default="")) for pod in found[name].pods]
    ports = ports_of(name, services)
    forward = f"poscloud forward {name} {ports[0]} -e {stack}" if ports else ""
    return Reach(tuple(addresses_of(name, services, ingresses, list(filter(None, hosts)))), forward)
