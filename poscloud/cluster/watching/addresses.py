"""Where a service can be reached from outside of the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from poscloud.provider.diff import get

Object = dict[str, Any]


def addresses_of(
    name: str, services: Iterable[Object], ingresses: Iterable[Object], hosts: Sequence[str]
) -> list[str]:
    """Return the addresses of a service: those of ingresses first, then node ports.

    Args:
        name: The service.
        services: The live Services of its namespace.
        ingresses: The live Ingresses there.
        hosts: Addresses of nodes that its pods are on.
    """
    own = [each for each in services if _selects(each, name)]
    names = {str(each["metadata"]["name"]) for each in own}
    found = [*_of_ingresses(names, ingresses)]
    for service in own:
        for port in get(service, "spec", "ports", default=[]):
            if number := port.get("nodePort"):
                found += [f"http://{host}:{number}" for host in hosts[:1]]
    return list(dict.fromkeys(found))


def ports_of(name: str, services: Iterable[Object]) -> list[int]:
    """Return the ports that a service listens on inside the cluster."""
    own = [each for each in services if _selects(each, name)]
    ports = [int(port["port"]) for each in own for port in get(each, "spec", "ports", default=[])]
    return list(dict.fromkeys(ports))


def _selects(service: Object, name: str) -> bool:
    selector = get(service, "spec", "selector", default={})
    return bool(selector.get("app") == name or (not selector and service["metadata"]["name"] == name))


def _of_ingresses(names: set[str], ingresses: Iterable[Object]) -> Iterator[str]:
    for ingress in ingresses:
        secure = {host for tls in get(ingress, "spec", "tls", default=[]) for host in tls.get("hosts") or ()}
        for rule in get(ingress, "spec", "rules", default=[]):
            for path in get(rule, "http", "paths", default=[]):
                if get(path, "backend", "service", "name") in names:
                    host = rule.get("host") or "ANY-HOST"
                    yield f"{'https' if host in secure else 'http'}://{host}{path.get('path') or '/'}"
