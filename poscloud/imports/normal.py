"""What of a manifest counts when two are compared, and what does not.

Not counted: what poscloud, Helm and kubectl add to ``metadata``; status and what else the API server writes; values
that the API server sets where none is given; how a quantity is written; the order of keys and of named things. Values
of Secrets are never compared, only their keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from poscloud.render import Manifest
from poscloud.render.secrets import sources
from poscloud.spec.values import parse_quantity

IGNORED_LABELS = re.compile(
    r"app|chart|release|heritage|([a-z.]+\.)?(poscloud\.io|helm\.sh)/.*|app\.kubernetes\.io/.*"
    r"|kubernetes\.io/metadata\.name|(batch\.kubernetes\.io/)?(controller-uid|job-name)"
)
"""Labels of objects and pods that say what something is called, not what it does; a selector's count."""

IGNORED_ANNOTATIONS = re.compile(
    r"(poscloud\.io|pulumi\.com|helm\.sh|meta\.helm\.sh|checksum)/.*|kubectl\.kubernetes\.io/.*"
    r"|deployment\.kubernetes\.io/revision|deprecated\.daemonset\.template\.generation"
    r"|autoscaling\.alpha\.kubernetes\.io/.*|batch\.kubernetes\.io/job-tracking"
)

_SERVERS_METADATA = (
    "uid resourceVersion generation creationTimestamp managedFields selfLink deletionTimestamp "
    "deletionGracePeriodSeconds ownerReferences finalizers generateName namespace"
).split()

_POD = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "serviceAccountName": "default",
    "serviceAccount": "default",
    "enableServiceLinks": True,
    "hostNetwork": False,
    "automountServiceAccountToken": True,
}
_CONTAINER = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PROBE = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
_SPEC: Mapping[str, Mapping[str, Any]] = {
    "Deployment": {
        "progressDeadlineSeconds": 600,
        "revisionHistoryLimit": 10,
        "minReadySeconds": 0,
        "replicas": 1,
    },
    "StatefulSet": {
        "revisionHistoryLimit": 10,
        "minReadySeconds": 0,
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    },
    "Service": {
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "externalTrafficPolicy": "Cluster",
        "ipFamilyPolicy": "SingleStack",
        "publishNotReadyAddresses": False,
    },
    "Job": {
        "backoffLimit": 6,
        "completions": 1,
        "parallelism": 1,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "manualSelector": False,
    },
    "CronJob": {
        "concurrencyPolicy": "Allow",
        "failedJobsHistoryLimit": 1,
        "successfulJobsHistoryLimit": 3,
        "suspend": False,
    },
}
_SERVERS_SPEC = {
    "Service": ("clusterIPs", "ipFamilies", "healthCheckNodePort"),
    "Job": ("selector",),
    "Namespace": ("finalizers",),
}
_HOW_MUCH = {"limits", "requests", "hard", "default", "defaultRequest", "max", "min", "capacity"}


def normal(item: Manifest) -> Manifest:
    """Return a manifest with nothing in it but what counts."""
    kind = item["kind"]
    result = {k: v for k, v in item.items() if k not in ("status", "metadata", "stringData", "data")}
    result["metadata"] = _metadata(item["metadata"])
    if kind == "Secret":
        result["data"] = dict.fromkeys(sorted({*_keys(item), *sources(item)}), "(value)")
    elif item.get("data"):
        result["data"] = item["data"]
    if isinstance(result.get("spec"), dict):
        result["spec"] = _spec(kind, result["spec"])
    if kind == "ClusterRoleBinding":
        result["subjects"] = [
            {k: v for k, v in s.items() if k != "apiGroup"} for s in item.get("subjects", [])
        ]
    if kind in ("StorageClass", "PriorityClass"):
        result = {
            k: v for k, v in result.items() if v not in (None, "") and (k, v) != ("globalDefault", False)
        }
    cleaned: Manifest = _clean(result)
    return cleaned


def _keys(item: Manifest) -> set[str]:
    return {*(item.get("data") or {}), *(item.get("stringData") or {})}


def _metadata(metadata: Manifest) -> Manifest:
    kept = {k: v for k, v in metadata.items() if k not in _SERVERS_METADATA}
    for field, ignored in (("labels", IGNORED_LABELS), ("annotations", IGNORED_ANNOTATIONS)):
        values = {k: v for k, v in (kept.pop(field, None) or {}).items() if not ignored.fullmatch(k)}
        if values:
            kept[field] = values
    return kept


def _without(values: Manifest, defaults: Mapping[str, Any]) -> Manifest:
    return {k: v for k, v in values.items() if k not in defaults or v != defaults[k]}


def _spec(kind: str, spec: Manifest) -> Manifest:
    spec = _without(spec, _SPEC.get(kind, {}))
    spec = {k: v for k, v in spec.items() if k not in _SERVERS_SPEC.get(kind, ())}
    if kind == "Service":
        spec = _service(spec)
    if kind == "Ingress":
        spec = _ingress(spec)
    if kind == "Job" and "podFailurePolicy" in spec:
        spec.pop("podReplacementPolicy", None)  # it can be nothing but Failed then, which the server sets
    if kind == "Deployment" and "strategy" in spec:
        spec["strategy"] = _strategy(spec["strategy"])
    if "template" in spec:
        spec["template"] = _template(spec["template"])
    if "jobTemplate" in spec:
        job = dict(spec["jobTemplate"]["spec"])
        spec["jobTemplate"] = {"spec": _spec("Job", job)}
    if "volumeClaimTemplates" in spec:
        spec["volumeClaimTemplates"] = [_claim(c) for c in spec["volumeClaimTemplates"]]
    return spec


def _ingress(spec: Manifest) -> Manifest:
    """Return the rules by host and path, and certificates by host: their order says nothing."""
    hosts: Manifest = {}
    for rule in spec.get("rules") or []:
        paths = hosts.setdefault(rule.get("host") or "", {})
        for path in (rule.get("http") or {}).get("paths") or []:
            backend = {k: v for k, v in path.items() if k not in ("path", "pathType")}
            paths[f"{path.get('path') or '/'} ({path.get('pathType')})"] = backend
    tls = {h: t.get("secretName") or "" for t in spec.get("tls") or [] for h in t.get("hosts") or [""]}
    return {**spec, "rules": hosts, "tls": tls}


def _strategy(strategy: Manifest) -> Manifest:
    default = {"maxSurge": "25%", "maxUnavailable": "25%"}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return strategy
    return {"rollingUpdate": {**default, **(strategy.get("rollingUpdate") or {})}}


def _claim(claim: Manifest) -> Manifest:
    spec = _without(claim["spec"], {"volumeMode": "Filesystem"})
    return {"name": claim["metadata"]["name"], "spec": spec}


def _service(spec: Manifest) -> Manifest:
    if spec.get("clusterIP") not in (None, "None"):
        spec = {k: v for k, v in spec.items() if k != "clusterIP"}
    if spec.get("clusterIP") == "None" and not spec.get("selector"):
        spec = _without(spec, {"ipFamilyPolicy": "RequireDualStack"})  # what the server sets for these alone
    ports = []
    for port in spec.get("ports") or []:
        port = _without(port, {"protocol": "TCP"})
        if port.get("targetPort") == port["port"]:
            del port["targetPort"]
        if spec.get("type") not in ("NodePort", "LoadBalancer"):
            port.pop("nodePort", None)
        ports.append(port)
    return {**spec, "ports": ports} if ports else spec


def _template(template: Manifest) -> Manifest:
    metadata = _metadata(template.get("metadata") or {})
    pod = _without(template["spec"], _POD)
    if pod.get("serviceAccount") == pod.get("serviceAccountName"):
        pod.pop("serviceAccount", None)
    for group in ("initContainers", "containers"):
        if group in pod:
            pod[group] = [_container(c) for c in pod[group]]
    if "volumes" in pod:
        pod["volumes"] = [_volume(v) for v in pod["volumes"]]
    return {"metadata": metadata, "spec": pod}


def _container(container: Manifest) -> Manifest:
    result = {"imagePullPolicy": pull_policy(container), **_without(container, _CONTAINER)}
    if result.get("command") and "args" in result:
        result["command"] = [*result["command"], *(result.pop("args") or [])]
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        if name in result:
            probe = _without(result[name], _PROBE)
            if not probe.get("initialDelaySeconds", 1):
                del probe["initialDelaySeconds"]
            if "httpGet" in probe:
                probe["httpGet"] = _without(probe["httpGet"], {"scheme": "HTTP"})
            result[name] = probe
    if "ports" in result:
        result["ports"] = [_without(p, {"protocol": "TCP"}) for p in result["ports"]]
    if "env" in result:
        result["env"] = [_variable(v) for v in result["env"]]
    return result


def pull_policy(container: Manifest) -> str:
    """Return a container's imagePullPolicy; where none is given, the API server's choice by its image's tag."""
    name = str(container.get("image", "")).rpartition("/")[2]
    tagged = "@" in name or name.partition(":")[2] not in ("", "latest")
    return str(container.get("imagePullPolicy") or ("IfNotPresent" if tagged else "Always"))


def _variable(variable: Manifest) -> Manifest:
    given = variable.get("valueFrom") or {}
    if "fieldRef" in given:
        return {**variable, "valueFrom": {"fieldRef": _without(given["fieldRef"], {"apiVersion": "v1"})}}
    return {"value": "", **variable} if not given else variable


def _volume(volume: Manifest) -> Manifest:
    result = dict(volume)
    for kind, defaults in (
        ("configMap", {"defaultMode": 420}),
        ("secret", {"defaultMode": 420}),
        ("hostPath", {"type": ""}),
    ):
        if kind in result:
            result[kind] = _without(result[kind], defaults)
    return result


def _clean(value: Any, field: str = "") -> Any:
    """Return a value without what is empty, with quantities in one way of writing, and named lists as maps."""
    if isinstance(value, dict):
        if field in _HOW_MUCH:
            return {k: _quantity(v) for k, v in value.items()}
        below = {k: _clean(v, k) for k, v in value.items()}
        if "sizeLimit" in below:
            below["sizeLimit"] = _quantity(below["sizeLimit"])
        return {k: v for k, v in below.items() if v is not None and v != {} and v != []}
    if isinstance(value, list):
        items = [_clean(v, field) for v in value]
        if field == "volumeMounts":
            return {v["mountPath"]: {k: w for k, w in v.items() if k != "mountPath"} for v in items}
        if (
            items
            and field != "subjects"
            and all(isinstance(v, dict) and isinstance(v.get("name"), str) for v in items)
        ):
            named = {v["name"]: {k: w for k, w in v.items() if k != "name"} for v in items}
            if len(named) == len(items):
                return named
        return items
    return value


def _quantity(value: Any) -> Any:
    try:
        return str(parse_quantity(str(value)).normalize())
    except ValueError:
        return value
