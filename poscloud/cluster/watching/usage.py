"""CPU and memory that pods use now, where the cluster has a metrics server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from poscloud.cluster.watching.namespace import Namespace
from poscloud.errors import AuthError
from poscloud.provider.rest import ApiError
from poscloud.quantity import parse_quantity

Object = dict[str, Any]

GROUP = "metrics.k8s.io"


@dataclass(frozen=True)
class Usage:
    """What pods use.

    Attributes:
        pods: Cores and bytes of each container, by the names of its pod and itself.
        why_none: Why nothing is known; empty where it is.
    """

    pods: Mapping[str, Mapping[str, tuple[Decimal, Decimal]]]
    why_none: str = ""

    def of(self, pods: Iterable[Object]) -> tuple[Decimal, Decimal] | None:
        """Return cores and bytes of some pods together; ``None`` where none of them is measured."""
        found = [self.pods[name] for pod in pods if (name := pod["metadata"]["name"]) in self.pods]
        each = [amounts for containers in found for amounts in containers.values()]
        if not each:
            return None
        return sum((cpu for cpu, _ in each), Decimal(0)), sum((memory for _, memory in each), Decimal(0))


async def usage_of(namespace: Namespace) -> Usage:
    """Return what the pods of a namespace use; two requests, the second only where there is a metrics server.

    Raises:
        AuthError: The credentials do not hold.
        UnreachableError: The cluster does not answer.
    """
    groups = (await namespace.get("/apis")).get("groups") or ()
    if GROUP not in [group.get("name") for group in groups]:
        return Usage({}, "the cluster has no metrics server")
    try:
        answer = await namespace.get(f"/apis/{GROUP}/v1beta1/namespaces/{namespace.name}/pods")
    except ApiError as error:
        return Usage({}, f"the metrics server does not answer: {error.message}")
    except AuthError as error:
        if not isinstance(error.__cause__, ApiError):
            raise
        return Usage({}, "you may not list pods.metrics.k8s.io")
    return Usage(read(answer.get("items") or ()))


def read(items: Iterable[Object]) -> dict[str, dict[str, tuple[Decimal, Decimal]]]:
    """Return cores and bytes by pod and container of a list of PodMetrics; what cannot be read is left out."""
    return {
        str(item["metadata"]["name"]): {
            str(container.get("name")): (_amount(container, "cpu"), _amount(container, "memory"))
            for container in item.get("containers") or ()
        }
        for item in items
    }


def _amount(container: Object, resource: str) -> Decimal:
    try:
        return parse_quantity(str((container.get("usage") or {}).get(resource, "0")))
    except ValueError:
        return Decimal(0)
