"""The fields that every kind of service has, read off its workload and what belongs to it."""

from __future__ import annotations

from typing import Any

from poscloud.imports import pods
from poscloud.imports.images import ImageNames
from poscloud.imports.normal import pull_policy
from poscloud.imports.placing import Placing
from poscloud.imports.pods import given, nfs, space
from poscloud.imports.sidecar import read_sidecar
from poscloud.imports.source import Workload
from poscloud.render import Manifest

OWN_VOLUMES = frozenset({"logs", "archive", "opt-data"})
"""Volumes that fields of their own stand for; other NFS volumes are the environment's ``volumes``."""


def service_fields(workload: Workload, names: ImageNames, placing: Placing) -> dict[str, Any]:
    """Return what is the same for all kinds; each kind adds its own and may take some of these back."""
    spec, pod, main = workload.spec, workload.pod, workload.main
    fields: dict[str, Any] = {
        **names.of_service(main.get("image", ""), workload.name),
        "pull_policy": pull_policy(main),
        **_pods(workload),
        **_ports(workload),
        "resources": pods.resources(main),
        **given(probes=pods.probes(main)),
        **pods.security(main),
        **_rollout(spec),
        **_logs(workload),
        "anti_affinity": pods.anti_affinity(pod),
        "host_time": pods.HOST_TIME in workload.volumes,
        **placing.of(pod),
    }
    context = pod.get("securityContext") or {}
    fields |= given(fs_group=context.get("fsGroup"))
    if mounts := shared_mounts(workload, main):
        fields["mounts"] = mounts
    sidecar = read_sidecar(workload, names)
    fields["filebeat"] = sidecar or False
    return fields


def shared_mounts(workload: Workload, container: Manifest) -> dict[str, str]:
    """Return the environment's volumes that a container mounts."""
    found = {}
    for name, volume in workload.volumes.items():
        path = workload.mounted_at(container, name)
        if nfs(volume) and name not in OWN_VOLUMES and path:
            found[name] = path
    return found


def shared_volumes(workload: Workload) -> dict[str, Any]:
    """Return these volumes as the environment has them."""
    return {
        name: {"nfs": nfs(volume), "read_only": bool(volume["nfs"].get("readOnly"))}
        for name, volume in workload.volumes.items()
        if nfs(volume) and name not in OWN_VOLUMES
    }


def _pods(workload: Workload) -> dict[str, Any]:
    source, name = workload.source, workload.name
    fields: dict[str, Any] = {"replicas": workload.spec.get("replicas", 1)}
    if scaler := source.get("HorizontalPodAutoscaler", name):
        wanted = {
            m["resource"]["name"]: m["resource"]["target"].get("averageUtilization")
            for m in scaler["spec"].get("metrics") or []
            if m.get("type") == "Resource"
        }
        fields = {
            "autoscale": {
                "min": scaler["spec"].get("minReplicas", 1),
                "max": scaler["spec"]["maxReplicas"],
                "cpu": wanted.get("cpu"),
                "memory": wanted.get("memory"),
            }
        }
    fields["disruption_budget"] = source.get("PodDisruptionBudget", name) is not None
    return fields


def _ports(workload: Workload) -> dict[str, Any]:
    ports = (workload.service["spec"].get("ports") or []) if workload.service else []
    if not ports:
        return {"port": None}
    listens = workload.source.listens_at(workload.name, ports[0])
    if listens != ports[0]["port"] and "nginx.conf" not in workload.config:
        workload.notes.append(
            f"its Service leads port {ports[0]['port']} to {listens}; here both are the same, "
            f"and others have to use {listens}"
        )
    fields = {"port": listens}
    if workload.service and workload.service["spec"].get("type") == "NodePort":
        fields |= given(node_port=ports[0].get("nodePort"))
    return fields


def _rollout(spec: Manifest) -> dict[str, Any]:
    update = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    surge, unavailable = update.get("maxSurge"), update.get("maxUnavailable")
    if not isinstance(surge, int) or not isinstance(unavailable, int):
        return {}
    return {"rollout": {"max_surge": surge, "max_unavailable": unavailable}}


def _logs(workload: Workload) -> dict[str, Any]:
    volume = workload.volumes.get("logs")
    if store := nfs(volume):
        return {"log_store": {"nfs": store}}
    if claim := (volume or {}).get("persistentVolumeClaim"):
        return {"log_store": {"claim": claim["claimName"]}}
    return given(log_space=space(volume))
