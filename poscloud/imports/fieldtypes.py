"""Which fields of a manifest are maps, lists and text, wherever they stand, so that they can be read without asking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MAPS = frozenset(
    "metadata spec template default defaultRequest max selector matchLabels securityContext resources requests "
    "strategy rollingUpdate valueFrom secretKeyRef configMapKeyRef fieldRef secretRef configMapRef configMap "
    "emptyDir nfs hostPath persistentVolumeClaim affinity podAntiAffinity podAffinityTerm labelSelector nodeSelector "
    "readinessProbe livenessProbe startupProbe exec httpGet tcpSocket http backend service target jobTemplate secret "
    "parameters scaleTargetRef roleRef namespaceSelector podSelector ipBlock gitRepo hard data stringData labels "
    "annotations updateStrategy persistentVolumeClaimRetentionPolicy".split()
)
_LISTS = frozenset(
    "containers initContainers volumes env envFrom volumeMounts rules tls metrics imagePullSecrets tolerations "
    "subjects volumeClaimTemplates matchExpressions policyTypes hosts values paths endpoints addresses command args "
    "resourceNames requiredDuringSchedulingIgnoredDuringExecution preferredDuringSchedulingIgnoredDuringExecution "
    "apiGroups verbs ingress egress from to".split()
)
_OF_TEXT = frozenset("command args policyTypes hosts values addresses apiGroups resourceNames verbs".split())
"""Lists whose entries are text; those of the others are maps."""
_TEXTS = frozenset(
    "name image key mountPath path server host secretName claimName namespace type serviceName serviceAccountName "
    "priorityClassName storageClassName ingressClassName schedule timeZone pathType operator effect".split()
)
_TEXT_MAPS = frozenset("labels annotations matchLabels nodeSelector data stringData parameters".split())
"""Maps from the writer's own names to text."""
_NUMBERS = frozenset(
    "replicas minReplicas maxReplicas averageUtilization containerPort nodePort terminationGracePeriodSeconds fsGroup "
    "runAsUser activeDeadlineSeconds initialDelaySeconds timeoutSeconds periodSeconds failureThreshold".split()
)
KNOWN = frozenset(
    "Deployment StatefulSet DaemonSet Job CronJob Service ConfigMap Secret ServiceAccount HorizontalPodAutoscaler "
    "PodDisruptionBudget Ingress NetworkPolicy EndpointSlice ResourceQuota LimitRange Namespace StorageClass "
    "PriorityClass RoleBinding ClusterRoleBinding".split()
)
"""Kinds that are read; of any other one only its metadata are."""
_OTHERWISE = frozenset(
    {("grpc", "service"), ("volumes", "image"), ("glusterfs", "endpoints"), ("onExitCodes", "values")}
)
"""Fields that are something else than those of the same name elsewhere; nobody here reads them."""


def without_nulls(value: Any) -> Any:
    """Return a manifest without fields that are null, which to the API are fields that are not there."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


def wrong_type(item: dict[str, Any]) -> str:
    """Return which field of a manifest is not what it has to be; empty if none of those that are read here."""
    read = item if item["kind"] in KNOWN else {"metadata": item["metadata"]}
    return next((f"this {item['kind']} has {why}" for why in _wrong(read, ())), "")


def _wrong(value: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with the fields of a map, and with those of the maps in it."""
    for key, below in value.items():
        here = (*path, str(key))
        if here[-2:] in _OTHERWISE:
            continue
        # A LimitRange has a list of that name, and of ports only an Ingress' is a map.
        is_map = key in _MAPS or here[-2:] in (("resources", "limits"), ("service", "port"))
        if is_map and not isinstance(below, dict):
            yield f"{'.'.join(here)} that is no map"
        elif key in _LISTS and not isinstance(below, list):
            yield f"{'.'.join(here)} that is no list"
        elif key in _TEXTS and not isinstance(below, str):
            yield f"{'.'.join(here)} that is no text"
        elif (key in _NUMBERS or here == ("spec", "ports", "port")) and (
            not isinstance(below, int) or isinstance(below, bool)
        ):
            yield f"{'.'.join(here)} that is no whole number"
        else:
            yield from _below(str(key), below, here)


def _below(key: str, value: Any, path: tuple[str, ...]) -> Iterator[str]:
    place = ".".join(path)
    if isinstance(value, dict):
        if key in _TEXT_MAPS:
            yield from (f"{place}.{k} that is no text" for k, v in value.items() if not isinstance(v, str))
        else:
            yield from _wrong(value, path)
    elif isinstance(value, list):
        wanted = str if key in _OF_TEXT else dict
        if key in _LISTS and not all(isinstance(entry, wanted) for entry in value):
            yield f"{place} with an entry that is no {'text' if wanted is str else 'map'}"
        for entry in value:
            yield from _wrong(entry, path) if isinstance(entry, dict) else ()
