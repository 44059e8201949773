"""Which fields of a manifest a baseline shows as they are; every other value is a keyed hash in it.

The list is what grades and totals are made of: kinds, names, replicas, images, resources, storage, ports. Never a
variable's value, an argument, an annotation, or the content of a ConfigMap or Secret. The keys of maps are never
hashed. Whoever changes the list changes ``baseline.SCHEMA``.
"""

from __future__ import annotations

from functools import cache

Place = tuple[str, ...]
"""Keys of maps from the root of a manifest; positions in lists are left out."""

_CONTAINER = ("name", "image", "resources", "ports", "env.name", "volumeMounts.name")
_POD = (
    *(f"{group}.{field}" for group in ("containers", "initContainers") for field in _CONTAINER),
    "volumes.name",
)
_TEMPLATE = tuple(f"spec.template.spec.{field}" for field in _POD)

EVERY = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
FIELDS: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec.replicas", *_TEMPLATE),
    "StatefulSet": (
        "spec.replicas",
        "spec.volumeClaimTemplates.metadata.name",
        "spec.volumeClaimTemplates.spec.resources",
        "spec.volumeClaimTemplates.spec.storageClassName",
        *_TEMPLATE,
    ),
    "DaemonSet": _TEMPLATE,
    "Job": ("spec.parallelism", "spec.completions", *_TEMPLATE),
    "CronJob": tuple(f"spec.jobTemplate.{field}" for field in _TEMPLATE),
    "PersistentVolumeClaim": ("spec.resources", "spec.storageClassName", "spec.volumeName"),
    "PersistentVolume": ("spec.capacity", "spec.storageClassName"),
    "Service": ("spec.ports",),
    "HorizontalPodAutoscaler": (
        "spec.minReplicas",
        "spec.maxReplicas",
        "spec.scaleTargetRef.kind",
        "spec.scaleTargetRef.name",
    ),
    "LimitRange": ("spec.limits",),
    "ResourceQuota": ("spec.hard",),
}
"""Kind → fields with all that is below them, besides ``EVERY``."""


@cache
def is_plain(kind: str, place: Place) -> bool:
    """Whether the value at ``place`` of an object of this kind may be known."""
    rules = (tuple(rule.split(".")) for rule in (*EVERY, *FIELDS.get(kind, ())))
    return any(place[: len(rule)] == rule for rule in rules)
