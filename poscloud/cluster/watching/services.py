"""The services and backing services of an environment, as their workloads and pods in the cluster are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from poscloud.provider.diff import get
from poscloud.provider.trouble import condition
from poscloud.provider.waits import readiness
from poscloud.quantity import parse_quantity
from poscloud.render.names import REPLICAS_ANNOTATION, START_AFTER_ANNOTATION

Object = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """A service or backing service.

    Attributes:
        name: Its name in the description.
        kind: What it is: ``java``, ``redis``; empty for one that poscloud did not make.
        workloads: Its Deployments and StatefulSets; several while it is released by tracks.
        pods: Its pods that have not ended.
        after: What it starts after.
    """

    name: str
    kind: str
    workloads: tuple[Object, ...]
    pods: tuple[Object, ...]
    after: tuple[str, ...]

    @property
    def wanted(self) -> int:
        """How many pods it is to have."""
        return sum(int(get(each, "spec", "replicas", default=1)) for each in self.workloads)

    @property
    def ready(self) -> int:
        """How many of its pods are ready."""
        return sum(condition(pod, "Ready").get("status") == "True" for pod in self.pods)

    @property
    def asleep(self) -> bool:
        """Whether it has no pods because it, or its environment, sleeps."""
        said = [get(each, "metadata", "annotations", REPLICAS_ANNOTATION) for each in self.workloads]
        return not self.wanted and any(said)

    @property
    def is_ready(self) -> bool:
        """Whether all pods that it is to have are ready, and of its newest version."""
        return all(readiness(workload).state == "ready" for workload in self.workloads)

    @property
    def restarts(self) -> int:
        """How often containers of its pods were started again."""
        return sum(int(status.get("restartCount", 0)) for pod in self.pods for status in statuses(pod))

    @property
    def version(self) -> str:
        """The version of its jar, else of its image; several, of which not all pods have the newest, with commas."""
        found = [version_of(each) for each in self.workloads]
        return ", ".join(dict.fromkeys(filter(None, found)))

    @property
    def newest(self) -> datetime | None:
        """When its newest pod was made."""
        return max((moment(get(pod, "metadata", "creationTimestamp")) for pod in self.pods), default=None)

    def asked(self, resource: str) -> Decimal:
        """Return what its pods ask for of ``cpu`` (cores) or ``memory`` (bytes)."""
        return sum((requests(pod, resource) for pod in self.pods), Decimal(0))


def services_of(workloads: Iterable[Object], pods: Iterable[Object]) -> dict[str, Service]:
    """Return all services by name, sorted."""
    by_name: dict[str, list[Object]] = {}
    for workload in workloads:
        by_name.setdefault(name_of(workload), []).append(workload)
    pods_of: dict[str, list[Object]] = {}
    for pod in pods:
        if is_of_a_service(pod):
            pods_of.setdefault(name_of(pod), []).append(pod)
    return {name: _service(name, each, pods_of.get(name, [])) for name, each in sorted(by_name.items())}


def _service(name: str, workloads: list[Object], pods: list[Object]) -> Service:
    labels = get(workloads[0], "metadata", "labels", default={})
    annotations = [get(each, "metadata", "annotations", default={}) for each in workloads]
    after = {part for each in annotations for part in str(each.get(START_AFTER_ANNOTATION, "")).split(",")}
    pods.sort(key=lambda pod: str(pod["metadata"]["name"]))
    kind = str(labels.get("app.kubernetes.io/component", "")).removesuffix("-service")
    return Service(name, kind, tuple(workloads), tuple(pods), tuple(sorted(after - {""})))


def name_of(obj: Object) -> str:
    """Return the service that an object belongs to: its label ``app``, else its own name."""
    return str(get(obj, "metadata", "labels", default={}).get("app") or obj["metadata"]["name"])


def is_of_a_service(pod: Object) -> bool:
    """Whether a pod is to run all the time, and has not ended: no Job's, not evicted."""
    owners = get(pod, "metadata", "ownerReferences", default=[])
    ended = get(pod, "status", "phase") in ("Succeeded", "Failed")
    return not ended and not any(owner.get("kind") == "Job" for owner in owners)


def statuses(pod: Object) -> list[Object]:
    """Return what a pod tells of its containers, those first that run before the others."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def version_of(workload: Object) -> str:
    """Return the version of a workload's jar, where it fetches one, else of its image."""
    spec = get(workload, "spec", "template", "spec", default={})
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        for variable in container.get("env") or ():
            if variable.get("name") == "JAR_VERSION" and variable.get("value"):
                return str(variable["value"])
    containers: Sequence[Object] = spec.get("containers") or ()
    return tag_of(str(containers[0].get("image", ""))) if containers else ""


def tag_of(image: str) -> str:
    """Return the tag of an image, else the beginning of its digest, else ``latest``."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or (digest[: len("sha256:") + 12] if digest else "latest")


def requests(pod: Object, resource: str) -> Decimal:
    """Return what the containers of a pod ask for of a resource."""
    asked = [
        get(container, "resources", "requests", resource)
        for container in get(pod, "spec", "containers", default=[])
    ]
    return sum((parse_quantity(str(text)) for text in asked if text), Decimal(0))


def moment(text: Any) -> datetime:
    """Return a time of the API."""
    return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
