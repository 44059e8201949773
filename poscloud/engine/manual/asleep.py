"""What sleeps: pods are gone on purpose, and their number is kept for when they wake."""

from __future__ import annotations

from typing import Any

from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.provider.rest import ApiError
from poscloud.render.names import ASLEEP_ANNOTATION, REPLICAS_ANNOTATION

REPLICAS = ("spec", "replicas")


def asleep(live: dict[str, Any]) -> bool:
    """Whether a live workload sleeps."""
    return get(live, "metadata", "annotations", REPLICAS_ANNOTATION) is not None


async def environment_sleeps(cluster: Cluster, namespace: str) -> bool:
    """Whether a whole environment sleeps, with its workloads that had no pods, and so say nothing of it.

    Raises:
        ApiError: The namespace may not be read.
    """
    try:
        live = await cluster.client.request("GET", f"/api/v1/namespaces/{namespace}")
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return bool(get(live, "metadata", "annotations", ASLEEP_ANNOTATION))
