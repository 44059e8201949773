"""What differs from kind to kind, as tables."""

from __future__ import annotations

import re
from typing import Any

Object = dict[str, Any]

STACK_ANNOTATION = "poscloud.io/stack"
CLUSTER_ANNOTATION = "poscloud.io/cluster"
ADOPT_ANNOTATION = "poscloud.io/adopt"
ASLEEP_ANNOTATION = "poscloud.io/asleep"
AUTONAMED = "pulumi.com/autonamed"
SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
PATCH_FORCE = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
PROPAGATION_POLICY = "pulumi.com/deletionPropagationPolicy"

# Replacing one of these destroys data or everything inside; only on a person's explicit word.
GUARDED = {
    "Namespace": "everything in the namespace",
    "PersistentVolumeClaim": "the data on the volume",
    "PersistentVolume": "the volume and, depending on its reclaim policy, its data",
    "StatefulSet": "all its pods at once, and the data its claim retention policy does not keep",
}

# What replacing one of the others costs; every other kind is gone for a moment.
LOST = {
    **dict.fromkeys(("Deployment", "DaemonSet", "Job", "Pod"), "its pods are deleted and start anew"),
    "Service": "it gets another address, and answers nobody for a moment",
}

CLUSTER_SCOPED = frozenset(
    {
        "APIService", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "ClusterTrustBundle",
        "CSIDriver", "CSINode", "CustomResourceDefinition", "DeviceClass", "FlowSchema", "IPAddress",
        "IngressClass", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass",
        "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass", "ServiceCIDR", "StorageClass",
        "StorageVersionMigration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
    }
)  # fmt: skip

# They own nothing, so deleting them in the foreground would only cost a round of the garbage collector.
LEAVES = frozenset(
    {
        "ClusterRole", "ClusterRoleBinding", "ConfigMap", "HorizontalPodAutoscaler", "Ingress", "LimitRange",
        "Namespace", "NetworkPolicy", "PersistentVolume", "PersistentVolumeClaim", "Pod",
        "PodDisruptionBudget", "PriorityClass", "ResourceQuota", "Role", "RoleBinding", "Secret", "Service",
        "ServiceAccount", "StorageClass",
    }
)  # fmt: skip

_ROLE_REF = ("roleRef",)
_CONTAINER = (
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources "
    "securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices "
    "volumeMounts workingDir"
)
_POD = (
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC "
    "hostNetwork hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority "
    "priorityClassName readinessGates restartPolicy runtimeClassName schedulerName securityContext "
    "serviceAccount serviceAccountName shareProcessNamespace subdomain terminationGracePeriodSeconds volumes"
)
_VOLUME_SOURCES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk "
    "glusterfs hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos "
    "vsphereVolume"
)


def _under(prefix: str, names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names.split())


# Besides metadata.name and metadata.namespace, which replace every kind. A path covers all below it.
REPLACE: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "StatefulSet": _under(
        "spec", "podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates"
    ),
    "Job": _under("spec", "completions parallelism selector template"),
    "Pod": (
        *_under("spec", _POD),
        *_under("spec.containers", _CONTAINER),
        *_under("spec.initContainers", _CONTAINER),
    ),
    "PersistentVolumeClaim": _under("spec", "accessModes selector storageClassName volumeName"),
    "PersistentVolume": _under("spec", _VOLUME_SOURCES),
    "Service": ("spec.clusterIP",),
    "ResourceQuota": ("spec.scopes",),
    "Secret": ("type", "data", "stringData"),
    "ConfigMap": ("data", "binaryData"),
    "RoleBinding": _ROLE_REF,
    "ClusterRoleBinding": _ROLE_REF,
    "StorageClass": ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    "PriorityClass": ("value", "preemptionPolicy"),
}

# Without an entry: DNS subdomain, 253 characters. The rules are the API server's own.
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAMES = {
    "Namespace": (_LABEL, 63, "lower-case letters, digits and '-'"),
    "Service": (_SERVICE, 63, "lower-case letters, digits and '-', beginning with a letter"),
    # The name is part of a label on every pod: 63 characters less a hash of 11.
    "StatefulSet": (_SUBDOMAIN, 52, "lower-case letters, digits, '-' and '.'"),
    "CronJob": (_SUBDOMAIN, 52, "lower-case letters, digits, '-' and '.'"),
}
_ANY_NAME = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})


def is_built_in(api_version: str) -> bool:
    """Whether a kind of this apiVersion is Kubernetes' own, so that the tables here know it."""
    group = api_version.rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


def is_namespaced(obj: Object) -> bool | None:
    """Whether the object lives in a namespace; ``None`` when only the API server can tell."""
    if is_built_in(obj.get("apiVersion", "")):
        return obj.get("kind") not in CLUSTER_SCOPED
    return None


def replace_paths(obj: Object, mutable: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The paths whose change replaces the object.

    Args:
        obj: The new inputs.
        mutable: ``ConfigMap`` or ``Secret`` when the provider's configuration makes their data mutable.
    """
    always = ("metadata.name", "metadata.namespace")
    kind = obj.get("kind", "")
    if not is_built_in(obj.get("apiVersion", "")):
        return always
    if kind in mutable and not obj.get("immutable"):
        return (*always, "type")
    return (*always, *REPLACE.get(kind, ()))


def longest_name(kind: str) -> int:
    """How many characters the name of such an object may have."""
    return _NAMES.get(kind, (None, 253, ""))[1]


def name_problem(kind: str, name: str) -> str:
    """Why a name is not allowed for this kind; empty when it is."""
    if kind in _ANY_NAME:
        return "" if name and not re.search(r"[/%]", name) else f"{name!r} may not contain '/' or '%'"
    rule, longest, allowed = _NAMES.get(kind, (_SUBDOMAIN, 253, "lower-case letters, digits, '-' and '.'"))
    if len(name) > longest:
        return f"{name!r} has {len(name)} characters; a {kind} may have {longest}"
    if not rule.fullmatch(name):
        return f"{name!r} is not a DNS name: {allowed} only, and a letter or digit at both ends"
    return ""
