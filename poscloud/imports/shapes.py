"""What a manifest has to have, so that it can be read without asking at every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poscloud.render import Manifest

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
_TEMPLATE = ("spec", "template", "spec")
_OF_CRON_JOB = ("spec", "jobTemplate", *_TEMPLATE)
_MAPS = {
    "Service": ("spec",),
    "Ingress": ("spec",),
    "HorizontalPodAutoscaler": ("spec",),
    "NetworkPolicy": ("spec",),
    "ResourceQuota": ("spec", "hard"),
}
"""Kinds that have a map there."""
_LISTS: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "Service": ((("spec", "ports"), ("port",)),),
    "LimitRange": ((("spec", "limits"), ("type",)),),
    "StatefulSet": ((("spec", "volumeClaimTemplates"), ("metadata", "spec")),),
}
"""Kinds that may have a list there, and what each of its entries has."""
_OF_POD = {"volumes": ("name",), "initContainers": ("name", "image"), "containers": ("name", "image")}
_OF_CONTAINER = {"env": ("name",), "ports": ("containerPort",), "volumeMounts": ("name", "mountPath")}


def wrong_shape(item: Manifest) -> str:
    """Return what a manifest of its kind lacks; empty if nothing that is read here."""
    return next((f"this {item['kind']} {why}" for why in _lacks(item)), "")


def _lacks(item: Manifest) -> Iterator[str]:
    kind = item["kind"]
    if kind in WORKLOADS:
        yield from _workload(item, _OF_CRON_JOB if kind == "CronJob" else _TEMPLATE)
    if kind in _MAPS and not isinstance(_at(item, *_MAPS[kind]), dict):
        yield f"has no {'.'.join(_MAPS[kind])}"
    for path, fields in _LISTS.get(kind, ()):
        yield from _entries(_at(item, *path), ".".join(path), fields)
    if kind == "StatefulSet":
        claims = [_at(claim, "metadata") for claim in _list(_at(item, "spec", "volumeClaimTemplates"))]
        yield from _entries(claims, "spec.volumeClaimTemplates.metadata", ("name",))
    if kind == "HorizontalPodAutoscaler":
        yield from _autoscaler(item)
    for field in ("data", "stringData") if kind in ("ConfigMap", "Secret") else ():
        if not isinstance(item.get(field), dict | None):
            yield f"has {field} that is no map"


def _autoscaler(item: Manifest) -> Iterator[str]:
    if not isinstance(_at(item, "spec", "maxReplicas"), int):
        yield "has no spec.maxReplicas"
    for metric in _list(_at(item, "spec", "metrics")):
        if _at(metric, "type") == "Resource" and not (
            _at(metric, "resource", "name") and isinstance(_at(metric, "resource", "target"), dict)
        ):
            yield "has a metric without resource.name and resource.target"


def _workload(item: Manifest, path: tuple[str, ...]) -> Iterator[str]:
    pod = _at(item, *path)
    if not _list(_at(pod, "containers")):
        yield f"has no {'.'.join(path)}.containers"
        return
    for field, needed in _OF_POD.items():
        yield from _entries(pod.get(field), field, needed)
        for container in _list(pod.get(field)) if field != "volumes" else ():
            for below, wanted in _OF_CONTAINER.items():
                yield from _entries(_at(container, below), f"{field}.{below}", wanted)


def _entries(value: Any, place: str, fields: tuple[str, ...]) -> Iterator[str]:
    """Yield what a list lacks that may be missing itself."""
    if not isinstance(value, list | None):
        yield f"has {place} that is no list"
    for entry in _list(value):
        for field in fields:
            if _at(entry, field) in (None, ""):
                yield f"has {place} without {field}"


def _at(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
