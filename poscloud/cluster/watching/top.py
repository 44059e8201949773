"""What services and their pods use, beside what they ask for and may have at most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from poscloud.cluster.watching.services import Service
from poscloud.cluster.watching.usage import Usage
from poscloud.provider.diff import get
from poscloud.quantity import parse_quantity

Object = dict[str, Any]


@dataclass(frozen=True)
class Amounts:
    """What pods use of CPU, in cores, or of memory, in bytes.

    Attributes:
        used: What they use; ``None`` where nobody measures it.
        requests: What they ask for.
        limits: What they may have at most; ``None`` where one of them has no limit.
    """

    used: float | None
    requests: float
    limits: float | None

    @property
    def share(self) -> float | None:
        """Which part of its limit is used, else of what is asked for; ``None`` where that is not known."""
        most = self.limits or self.requests
        return None if self.used is None or not most else self.used / most


@dataclass(frozen=True)
class Load:
    """What a service uses, or one of its pods.

    Attributes:
        name: The service or pod.
        pods: How many pods.
        cpu: CPU.
        memory: Memory.
    """

    name: str
    pods: int
    cpu: Amounts
    memory: Amounts


def loads_of(services: Iterable[Service], usage: Usage, *, by_pod: bool) -> list[Load]:
    """Return what services use, or each of their pods, those first that use or ask for most memory."""
    found = []
    for service in services:
        if by_pod:
            found += [_load(str(pod["metadata"]["name"]), [pod], usage) for pod in service.pods]
        else:
            found.append(_load(service.name, service.pods, usage))
    return sorted(found, key=lambda load: (-(load.memory.used or load.memory.requests), load.name))


def _load(name: str, pods: Sequence[Object], usage: Usage) -> Load:
    used = usage.of(pods)
    cpu, memory = (float(used[0]), float(used[1])) if used else (None, None)
    return Load(name, len(pods), _amounts(pods, "cpu", cpu), _amounts(pods, "memory", memory))


def _amounts(pods: Sequence[Object], resource: str, used: float | None) -> Amounts:
    containers = [each for pod in pods for each in get(pod, "spec", "containers", default=[])]
    requests = [get(each, "resources", "requests", resource) for each in containers]
    limits = [get(each, "resources", "limits", resource) for each in containers]
    most = None if None in limits or not limits else float(sum(parse_quantity(str(text)) for text in limits))
    return Amounts(used, float(sum(parse_quantity(str(text)) for text in requests if text)), most)
