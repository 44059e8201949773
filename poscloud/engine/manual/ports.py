"""Which port of a pod is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.provider.rest import ApiError
from poscloud.spec.references import nearest

Object = dict[str, Any]

HIGHEST = 65_535


async def port_of(
    cluster: Cluster, pod: Object, container: str, service: str, wanted: str, tell: Callable[[str], None]
) -> int:
    """Return the number of a port inside a pod.

    Args:
        cluster: Its cluster.
        pod: The live pod.
        container: The container that is meant, whose ports come first.
        service: The service; its Service's ports count, where the pod has none of that number or name.
        wanted: A number or a name; empty: the container's first.
        tell: Gets a line where there are others.

    Raises:
        PosCloudError: There is none, or none of that name.
    """
    own, others = _ports(pod, container), [p for p in _ports(pod) if p not in _ports(pod, container)]
    if not wanted:
        if not own:
            raise PosCloudError(
                f"container {container} of {service} declares no port",
                hint=f"give its number: poscloud forward {service} 8080",
            )
        if len(own) > 1:
            tell(f"it has the ports {', '.join(map(_told, own))}; the first is taken")
        return int(own[0]["containerPort"])
    declared = [*own, *others]
    if found := [port for port in declared if wanted in (port.get("name"), str(port["containerPort"]))]:
        return int(found[0]["containerPort"])
    behind = await _behind(cluster, pod, service, wanted, declared)
    if behind is not None:
        return behind
    if wanted.isdecimal() and 0 < int(wanted) <= HIGHEST:
        return int(wanted)  # a program may listen on more than is declared
    known = [str(port["name"]) for port in declared if port.get("name")]
    raise PosCloudError(
        f"{service} has no port '{wanted}'",
        hint=nearest(wanted, known) or f"a number from 1 to {HIGHEST}, or one of its names",
    )


def _ports(pod: Object, container: str = "") -> list[Object]:
    return [
        port
        for each in get(pod, "spec", "containers", default=[])
        if container in ("", each["name"])
        for port in each.get("ports") or ()
        if port.get("protocol", "TCP") == "TCP"
    ]


def _told(port: Object) -> str:
    return f"{port['containerPort']}{' (' + port['name'] + ')' if port.get('name') else ''}"


async def _behind(
    cluster: Cluster, pod: Object, service: str, wanted: str, declared: list[Object]
) -> int | None:
    """Return the pod's port to which the Service of a service leads from one of its own."""
    namespace = pod["metadata"]["namespace"]
    try:
        live = await cluster.client.request("GET", f"/api/v1/namespaces/{namespace}/services/{service}")
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise
    return next(_targets(live, wanted, declared), None)


def _targets(live: Object, wanted: str, declared: list[Object]) -> Iterator[int]:
    for port in get(live, "spec", "ports", default=[]):
        if wanted not in (port.get("name"), str(port["port"])):
            continue
        target = port.get("targetPort", port["port"])
        named = [p["containerPort"] for p in declared if p.get("name") == target]
        if named or isinstance(target, int):
            yield int(named[0] if named else target)
