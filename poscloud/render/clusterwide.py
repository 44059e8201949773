"""What an environment makes outside its namespace: storage classes and priority classes."""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec.clusterwide import CephRbd, PriorityClassSpec, StorageClassSpec

_SECRETS = ("provisioner", "controller-expand", "node-stage")


def render_clusterwide(context: Context, labels: dict[str, str]) -> list[Manifest]:
    """Return the objects that no namespace holds, each named ``ENVIRONMENT.NAME``."""
    environment = context.environment
    return [
        *(_storage_class(context, n, spec, labels) for n, spec in environment.storage_classes.items()),
        *(_priority_class(context, n, spec, labels) for n, spec in environment.priority_classes.items()),
    ]


def storage_class_name(context: Context, name: str) -> str:
    """Return what a storage class is called in the cluster: the environment's own, or else the cluster's."""
    own = name in context.environment.storage_classes
    return names.cluster_wide(name, context.namespace) if own else name


def priority_class_name(context: Context, name: str) -> str:
    """Return what a priority class is called in the cluster: the environment's own, or else the cluster's."""
    own = name in context.environment.priority_classes
    return names.cluster_wide(name, context.namespace) if own else name


def _storage_class(context: Context, name: str, spec: StorageClassSpec, labels: dict[str, str]) -> Manifest:
    return manifest(
        "storage.k8s.io/v1",
        "StorageClass",
        names.cluster_wide(name, context.namespace),
        namespace=None,
        labels=labels,
        provisioner="rbd.csi.ceph.com",
        parameters=_ceph_rbd(spec.ceph_rbd),
        reclaimPolicy=spec.reclaim,
        volumeBindingMode=spec.binding,
        allowVolumeExpansion=spec.expandable,
    )


def _ceph_rbd(spec: CephRbd) -> dict[str, str]:
    parameters = {
        "clusterID": spec.cluster_id,
        "pool": spec.pool,
        "imageFeatures": spec.image_features,
        "csi.storage.k8s.io/fstype": spec.fs_type,
    }
    for step in _SECRETS:
        secret = (spec.node_secret or spec.secret) if step == "node-stage" else spec.secret
        parameters[f"csi.storage.k8s.io/{step}-secret-name"] = secret
        parameters[f"csi.storage.k8s.io/{step}-secret-namespace"] = spec.secret_namespace
    return parameters


def _priority_class(context: Context, name: str, spec: PriorityClassSpec, labels: dict[str, str]) -> Manifest:
    body: Manifest = {
        "value": spec.value,
        # Never the cluster's default: that would change the pods of every other environment.
        "globalDefault": False,
        "preemptionPolicy": "PreemptLowerPriority" if spec.preempts else "Never",
    }
    if spec.description:
        body["description"] = spec.description
    return manifest(
        "scheduling.k8s.io/v1",
        "PriorityClass",
        names.cluster_wide(name, context.namespace),
        namespace=None,
        labels=labels,
        **body,
    )
