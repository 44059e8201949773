"""What a workload takes of CPU, memory and storage, as a quota counts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from poscloud.render.manifest import Manifest
from poscloud.spec.values import parse_quantity

SIDES = ("requests", "limits")
COMPUTE = ("cpu", "memory")
"""What each container must have a value for, if the quota counts it."""


class Defaults(Protocol):
    """What the API server gives a container that asks for nothing."""

    def limit(self, resource: str) -> str | None:
        """Return the limit of a container without one."""

    def request(self, resource: str) -> str | None:
        """Return the request of a container without one, and without a limit."""


@dataclass(frozen=True)
class LimitRange:
    """The defaults as a rendered LimitRange has them.

    Attributes:
        item: Its entry for containers; empty, there are no defaults.
    """

    item: Manifest

    def limit(self, resource: str) -> str | None:
        """Return the default, which the API server takes from ``max`` too."""
        return self._of("default", resource) or self._of("max", resource)

    def request(self, resource: str) -> str | None:
        """Return the default request, else the limit."""
        return self._of("defaultRequest", resource) or self.limit(resource)

    def _of(self, field: str, resource: str) -> str | None:
        value: str | None = self.item.get(field, {}).get(resource)
        return value


def amount(container: Manifest, side: str, resource: str, defaults: Defaults | None) -> str | None:
    """Return what a container requests, or its limit, once the API server has set its defaults."""
    given = container.get("resources", {})
    limit: str | None = given.get("limits", {}).get(resource)
    if side == "limits":
        return limit or (defaults.limit(resource) if defaults else None)
    request: str | None = given.get("requests", {}).get(resource) or limit
    return request or (defaults.request(resource) if defaults else None)


def taken(item: Manifest, pods: int, defaults: Defaults | None) -> Iterator[tuple[str, Decimal]]:
    """Yield what an object takes of a quota: resource → amount in base units; nothing for most kinds.

    Args:
        item: Any manifest.
        pods: How many pods it has, if it is a workload. A Job's are there beside others.
        defaults: Those of the namespace.
    """
    if item["kind"] == "PersistentVolumeClaim":
        yield from _claim(item["spec"], 1)
    if item["kind"] not in ("Deployment", "StatefulSet", "Job"):
        return
    count, pod = Decimal(pods), item["spec"]["template"]["spec"]
    yield "pods", count
    for side in SIDES:
        for resource in (*COMPUTE, "ephemeral-storage"):
            # Init containers run before the others, one at a time.
            first, beside = (
                [
                    parse_quantity(amount(container, side, resource, defaults) or "0")
                    for container in containers
                ]
                for containers in (pod.get("initContainers", []), pod["containers"])
            )
            each = count * max(sum(beside, Decimal()), *first, Decimal())
            yield f"{side}.{resource}", each
            if side == "requests":
                yield resource, each
    for claim in item["spec"].get("volumeClaimTemplates", []):
        yield from _claim(claim["spec"], pods)


def _claim(spec: Manifest, count: int) -> Iterator[tuple[str, Decimal]]:
    yield "persistentvolumeclaims", Decimal(count)
    yield "requests.storage", count * parse_quantity(spec["resources"]["requests"]["storage"])
