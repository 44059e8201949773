"""Which logs the containers of a pod have, and which images they ran, as its status tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

GROUPS = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


@dataclass(frozen=True)
class Log:
    """A log that is asked for, or the reason why there is none.

    Attributes:
        pod: The pod.
        container: The container.
        previous: Whether it is that of the run before the current one.
        absent: Why there is none; empty when there should be one.
        node: Where it ran.
    """

    pod: str
    container: str
    previous: bool
    absent: str = ""
    node: str = ""

    @property
    def run(self) -> str:
        """``current`` or ``previous``."""
        return "previous" if self.previous else "current"

    @property
    def file(self) -> str:
        """Where the archive has it."""
        return f"logs/{self.pod}/{self.container}{'.previous' if self.previous else ''}.log.gz"


def logs_of(pod: Object) -> Iterator[Log]:
    """Yield the logs of every container of a pod.

    One that waits to be started again has no current run; its last one is the previous. A previous one is there when
    the status tells of a run before this, also where it tells only their number.
    """
    name, node = pod["metadata"]["name"], str((pod.get("spec") or {}).get("nodeName") or "")
    for container, status in _containers(pod):
        state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
        ran_before = bool(last) or bool(status.get("restartCount"))
        if "running" in state or "terminated" in state:
            yield Log(name, container, False, node=node)
        else:
            why = (state.get("waiting") or {}).get("reason")
            told = f"{'not running' if ran_before else 'never started'}: {why}" if why else _phase(pod)
            yield Log(name, container, False, told)
        if ran_before:
            yield Log(name, container, True, node=node)


def images_of(pod: Object) -> Iterator[Object]:
    """Yield the image of every container, as it was asked for and, once it was pulled, by its digest."""
    for container, status in _containers(pod):
        spec = next(c for key, _ in GROUPS for c in pod["spec"].get(key) or () if c["name"] == container)
        yield {
            "pod": pod["metadata"]["name"],
            "container": container,
            "image": spec.get("image") or status.get("image"),
            "imageID": status.get("imageID") or None,
        }


def _phase(pod: Object) -> str:
    """Return what a pod says of itself, where it says nothing of a container: one that was evicted, for example."""
    status = pod.get("status") or {}
    words = [str(word) for word in (status.get("phase"), status.get("reason")) if word]
    return f"no status; the pod is {', '.join(words) or 'without one'}"


def _containers(pod: Object) -> Iterator[tuple[str, Object]]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    for key, told in GROUPS:
        statuses = {entry["name"]: entry for entry in status.get(told) or ()}
        for container in spec.get(key) or ():
            yield container["name"], statuses.get(container["name"], {})
