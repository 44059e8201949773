"""What an environment has beside its parts: quota, limits, Secrets, classes, policies, Ingress rules."""

from __future__ import annotations

from typing import Any

from poscloud.imports.ingress import ingress_rule
from poscloud.imports.pods import given
from poscloud.imports.source import Source, Workload
from poscloud.imports.watching import access, monitoring
from poscloud.render import Manifest
from poscloud.render.secrets import sources

_DNS_POLICY = "kube-system"
_NODE_LOCAL_DNS = "169.254.20.10/32"


def namespace_fields(source: Source, workloads: list[Workload], owned: set[str]) -> dict[str, Any]:
    """Return the environment's own fields.

    Args:
        source: What is imported.
        workloads: Everything in it that has pods.
        owned: Names of the parts that may have a Secret of their own.
    """
    pull_secret = _pull_secret(workloads)
    fields: dict[str, Any] = {"pull_secret": pull_secret, **_amounts(source)}
    secrets = _secrets(source, {*owned, pull_secret})
    fields |= {"secrets": secrets} if secrets else {}
    fields |= _classes(source)
    if zones := _time_zone(workloads):
        fields["time_zone"] = zones[0]
    if policy := source.get("NetworkPolicy", "isolation"):
        fields["isolation"] = _isolation(policy["spec"])
    fields |= given(monitoring=monitoring(source), access=access(source) or None)
    rules = [rule for item in source.kind("Ingress") if (rule := ingress_rule(item, source))]
    return fields | ({"ingress": rules} if rules else {})


def _pull_secret(workloads: list[Workload]) -> str | None:
    names = [s["name"] for w in workloads for s in w.pod.get("imagePullSecrets") or [] if "name" in s]
    return max(names, key=names.count) if names else None


def _amounts(source: Source) -> dict[str, Any]:
    fields: dict[str, Any] = {"limits": None}
    if quota := source.get("ResourceQuota", "quota"):
        fields["quota"] = quota["spec"]["hard"]
    if found := source.get("LimitRange", "limits"):
        item: Manifest = next(
            (i for i in (found.get("spec") or {}).get("limits") or [] if i["type"] == "Container"), {}
        )
        names = {"default": "default", "defaultRequest": "default_request", "max": "max"}
        fields["limits"] = {
            field: {amount: (item.get(key) or {}).get(amount) for amount in ("cpu", "memory")}
            for key, field in names.items()
        }
    return fields


def _secrets(source: Source, others: set[str | None]) -> dict[str, list[str]]:
    """Return the Secrets of the environment's ``secrets``: name → keys, never a value."""
    found = {}
    for item in source.kind("Secret"):
        name = item["metadata"]["name"]
        keys = sorted({*(item.get("data") or {}), *(item.get("stringData") or {}), *sources(item)})
        if name not in others and item.get("type", "Opaque") == "Opaque" and keys:
            found[name] = keys
    return found


def _time_zone(workloads: list[Workload]) -> list[str | None]:
    return [w.env.get("TZ") for w in workloads if w.kind == "StatefulSet" and w.config]


def _classes(source: Source) -> dict[str, Any]:
    prefix = f"{source.name}."
    fields: dict[str, Any] = {}
    storage, priority = {}, {}
    for item in source.kind("StorageClass"):
        if item["metadata"]["name"].startswith(prefix) and item.get("provisioner") == "rbd.csi.ceph.com":
            storage[item["metadata"]["name"].removeprefix(prefix)] = _storage_class(item)
    for item in source.kind("PriorityClass"):
        if item["metadata"]["name"].startswith(prefix):
            priority[item["metadata"]["name"].removeprefix(prefix)] = {
                "value": item["value"],
                "preempts": item.get("preemptionPolicy") != "Never",
                "description": item.get("description", ""),
            }
    fields |= {"storage_classes": storage} if storage else {}
    return fields | ({"priority_classes": priority} if priority else {})


def _storage_class(item: Manifest) -> dict[str, Any]:
    parameters = item.get("parameters") or {}
    kind = "csi.storage.k8s.io"
    rbd = given(
        cluster_id=parameters.get("clusterID"),
        pool=parameters.get("pool"),
        image_features=parameters.get("imageFeatures"),
        fs_type=parameters.get(f"{kind}/fstype"),
        secret=parameters.get(f"{kind}/provisioner-secret-name"),
        node_secret=parameters.get(f"{kind}/node-stage-secret-name"),
        secret_namespace=parameters.get(f"{kind}/provisioner-secret-namespace"),
    )
    return {
        "ceph_rbd": rbd,
        "reclaim": item.get("reclaimPolicy", "Delete"),
        "binding": item.get("volumeBindingMode", "Immediate"),
        "expandable": bool(item.get("allowVolumeExpansion")),
    }


def _isolation(spec: Manifest) -> dict[str, Any]:
    into = _peers((spec.get("ingress") or [{}])[0].get("from") or [])
    fields: dict[str, Any] = {"from_networks": into[1]}
    egress = spec.get("egress") or []
    if "Egress" not in (spec.get("policyTypes") or []):
        # Nothing tells controllers from others here; the first ones are as good as any.
        names = into[0]
        ingress = [n for n in names if n == "ingress-nginx"]
        return fields | {
            "from_namespaces": [n for n in names if n not in ingress],
            "ingress_namespaces": ingress,
        }
    out = _peers(egress[0].get("to") or []) if egress else ([], [])
    return fields | {
        "from_namespaces": out[0],
        "ingress_namespaces": [n for n in into[0] if n not in out[0]],
        "to_networks": out[1],
    }


def _peers(peers: list[Manifest]) -> tuple[list[str], list[str]]:
    """Return the namespaces and the networks among the peers of a policy."""
    namespaces: list[str] = []
    for peer in peers:
        for expression in (peer.get("namespaceSelector") or {}).get("matchExpressions") or []:
            namespaces += expression.get("values") or []
    return namespaces, [p["ipBlock"]["cidr"] for p in peers if "cidr" in p.get("ipBlock", {})]
