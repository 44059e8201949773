"""What the pods of a workload that does not become ready wrote last."""

from __future__ import annotations

from typing import Any

from poscloud.errors import WaitTimeoutError
from poscloud.provider.cluster import Cluster
from poscloud.provider.diagnosis import last_words
from poscloud.provider.diff import get

Object = dict[str, Any]

LAST_LINES = "its last lines"
"""What the waiting itself says before the last lines of a container that crashes."""


async def with_last_words(cluster: Cluster, workload: Object, error: WaitTimeoutError) -> WaitTimeoutError:
    """Return an error with the last lines of the newest pod that is not ready, where it has none."""
    if LAST_LINES in error.message:
        return error
    namespace = str(get(workload, "metadata", "namespace"))
    labels = get(workload, "spec", "selector", "matchLabels", default={})
    pods = await cluster.list("v1", "pods", namespace)
    mine = [p for p in pods if labels.items() <= get(p, "metadata", "labels", default={}).items()]
    unready = [p for p in mine if not is_ready(p)]
    if unready:
        pod = max(unready, key=lambda p: str(get(p, "metadata", "creationTimestamp", default="")))
        container = get(pod, "spec", "containers", 0, "name", default="")
        error.message += await last_words(cluster, namespace, (pod["metadata"]["name"], container))
    return error


def is_ready(pod: Object) -> bool:
    """Whether a pod says that it is ready, and is not about to go."""
    conditions = get(pod, "status", "conditions", default=[])
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return ready and not get(pod, "metadata", "deletionTimestamp")
