"""What an environment takes of CPU, memory and storage, from its sanitised manifests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from poscloud.engine.mergerequest.changes import Amounts
from poscloud.provider.diff import get
from poscloud.render import Manifest
from poscloud.render.amounts import LimitRange, taken

Scalers = dict[tuple[str, str], int]
"""Kind and name of a workload → how many pods its autoscaler leaves it at least."""


def scalers(objects: Sequence[Manifest]) -> Scalers:
    """Return the autoscaled workloads."""
    return {
        (get(item, "spec", "scaleTargetRef", "kind"), get(item, "spec", "scaleTargetRef", "name")): _whole(
            get(item, "spec", "minReplicas")
        )
        for item in objects
        if item["kind"] == "HorizontalPodAutoscaler"
    }


def pods(item: Manifest, autoscaled: Scalers) -> int:
    """Return how many pods an object has, at least: a DaemonSet's depend on the nodes, and are not counted."""
    spec = item.get("spec") or {}
    if item["kind"] == "Job":
        return _whole(spec.get("parallelism"))
    if item["kind"] not in ("Deployment", "StatefulSet"):
        return 0
    if "replicas" in spec:
        return _whole(spec["replicas"])
    return autoscaled.get((item["kind"], item["metadata"]["name"]), 1)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 1


def total(objects: Sequence[Manifest]) -> Amounts:
    """Return what all objects of an environment take together.

    An object that the API server would not take, because ``overrides`` made it so, counts for nothing.
    """
    ranges = [get(item, "spec", "limits", default=[]) for item in objects if item["kind"] == "LimitRange"]
    entries = [entry for entries in ranges for entry in entries if get(entry, "type") == "Container"]
    defaults = LimitRange(entries[0]) if entries else None
    autoscaled = scalers(objects)
    found: dict[str, Decimal] = defaultdict(Decimal)
    for item in objects:
        try:
            amounts = list(taken(item, pods(item, autoscaled), defaults))
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
        for resource, each in amounts:
            found[resource] += each
    return Amounts(
        pods=found["pods"],
        cpu_requests=found["requests.cpu"],
        cpu_limits=found["limits.cpu"],
        memory_requests=found["requests.memory"],
        memory_limits=found["limits.memory"],
        storage=found["requests.storage"],
    )
