"""Which hosts a part's pods run on, and what they see there: pool, selector, tolerations, shared volumes."""

from __future__ import annotations

from poscloud.render.clusterwide import priority_class_name
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import nfs_volume
from poscloud.spec import ServiceSpec
from poscloud.spec.clusterwide import priority_of
from poscloud.spec.nodes import Taint, pool_of, selector_of
from poscloud.spec.part import PartSpec


def placement(context: Context, spec: PartSpec) -> Manifest:
    """Return the fields of a pod that say where it runs: ``nodeSelector``, ``tolerations``, ``priorityClassName``."""
    pod: Manifest = {}
    if selector := selector_of(context.environment, spec):
        pod["nodeSelector"] = selector
    pool = pool_of(context.environment, spec)
    if pool and pool.taints:
        pod["tolerations"] = [_toleration(taint) for taint in pool.taints]
    if priority := priority_of(context.environment, spec):
        pod["priorityClassName"] = priority_class_name(context, priority)
    return pod


def _toleration(taint: Taint) -> Manifest:
    if taint.value is None:
        return {"key": taint.key, "operator": "Exists", "effect": taint.effect}
    return {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}


def shared_volumes(context: Context, spec: ServiceSpec) -> list[Manifest]:
    """Return the pod's volumes for what the service mounts of the environment's ``volumes``."""
    found: list[Manifest] = []
    for name in spec.mounts:
        volume = context.environment.volumes[name]
        item = nfs_volume(name, volume.nfs)
        if volume.read_only:
            item["nfs"]["readOnly"] = True
        found.append(item)
    return found


def shared_mounts(context: Context, spec: ServiceSpec) -> list[Manifest]:
    """Return the container's mounts of the environment's ``volumes``."""
    found: list[Manifest] = []
    for name, path in spec.mounts.items():
        mount: Manifest = {"name": name, "mountPath": path}
        if context.environment.volumes[name].read_only:
            mount["readOnly"] = True
        found.append(mount)
    return found
