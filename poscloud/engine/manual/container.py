"""Which container of which pod is meant by a service's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poscloud.engine.manual.asleep import asleep, environment_sleeps
from poscloud.engine.manual.lastwords import is_ready
from poscloud.engine.manual.place import Place
from poscloud.errors import DeployError, PosCloudError
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.render.names import STACK_ANNOTATION
from poscloud.spec.references import nearest

Object = dict[str, Any]


@dataclass(frozen=True)
class Container:
    """One container of a pod.

    Attributes:
        pod: The pod's name.
        uid: Which pod it is.
        name: The container's.
        ready: Whether the pod is ready.
    """

    pod: str
    uid: str
    name: str
    ready: bool

    def __str__(self) -> str:
        return f"pod {self.pod}, container {self.name}{'' if self.ready else ' (the pod is not ready)'}"


async def container_of(place: Place, cluster: Cluster, service: str, container: str) -> Container:
    """Return the container that a command goes to: of a ready pod, or if none is, of one that runs.

    Args:
        place: Where the environment is.
        cluster: Its cluster.
        service: A service, a backing service, or one track of a release.
        container: The container; empty: the service's own.

    Raises:
        PosCloudError: There is no such service or container.
        DeployError: It sleeps, or none of its pods runs.
    """
    workload = _workload(await _workloads(place, cluster), service, place.stack)
    if asleep(workload) or await environment_sleeps(cluster, place.stack):
        raise DeployError(f"{service} sleeps", hint=f"poscloud env wake {place.stack}")
    labels = get(workload, "spec", "selector", "matchLabels", default={})
    pods = await _listed(cluster, f"/api/v1/namespaces/{place.stack}/pods")
    mine = [p for p in pods if labels.items() <= get(p, "metadata", "labels", default={}).items()]
    pod = _chosen(mine, service, place, cluster)
    return Container(
        str(pod["metadata"]["name"]),
        str(pod["metadata"]["uid"]),
        _container(pod, service, get(workload, "metadata", "labels", "app", default=""), container),
        is_ready(pod),
    )


async def _workloads(place: Place, cluster: Cluster) -> list[Object]:
    folder = f"/apis/apps/v1/namespaces/{place.stack}"
    found = [
        each
        for kind in ("deployments", "statefulsets")
        for each in await _listed(cluster, f"{folder}/{kind}")
    ]
    return [each for each in found if get(each, "metadata", "annotations", STACK_ANNOTATION) == place.mark]


async def _listed(cluster: Cluster, path: str) -> list[Object]:
    return list((await cluster.client.request("GET", path)).get("items") or [])


def _workload(workloads: Sequence[Object], service: str, stack: str) -> Object:
    named = {str(each["metadata"]["name"]): each for each in workloads}
    if service in named:
        return named[service]
    of_it = [name for name, each in named.items() if get(each, "metadata", "labels", "app") == service]
    if len(of_it) == 1:
        return named[of_it[0]]
    if of_it:
        raise PosCloudError(
            f"'{service}' of {stack} has {len(of_it)} workloads", hint=f"name one: {', '.join(of_it)}"
        )
    raise PosCloudError(f"{stack} has no service '{service}' that runs pods", hint=nearest(service, named))


def _chosen(pods: Sequence[Object], service: str, place: Place, cluster: Cluster) -> Object:
    there = [p for p in pods if not get(p, "metadata", "deletionTimestamp")]
    running = [p for p in there if get(p, "status", "phase") == "Running"]
    candidates = [p for p in running if is_ready(p)] or running
    if candidates:
        return min(candidates, key=lambda p: str(p["metadata"]["name"]))
    if not there:
        raise DeployError(
            f"{service} of {place.stack} has no pods",
            hint=f"what is not as the stack says shows: poscloud drift -s {place.stack}",
        )
    told = ", ".join(
        f"{p['metadata']['name']} is {get(p, 'status', 'phase', default='Pending')}" for p in there
    )
    describe = f"{cluster.access.kubectl} -n {place.stack} describe pod {there[0]['metadata']['name']}"
    raise DeployError(f"no pod of {service} runs: {told}", hint=f"why says: {describe}")


def _container(pod: Mapping[str, Any], service: str, app: str, wanted: str) -> str:
    names = [str(each["name"]) for each in get(pod, "spec", "containers", default=[])]
    if wanted and wanted not in names:
        raise PosCloudError(
            f"the pods of {service} have no container '{wanted}'", hint=nearest(wanted, names)
        )
    own = [name for name in (wanted, service, app) if name in names]
    return own[0] if own else names[0]
