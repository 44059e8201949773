"""Several containers in one pod; also any other program, as a pod with one container."""

from __future__ import annotations

from typing import Any

from poscloud.imports import pods
from poscloud.imports.images import ImageNames
from poscloud.imports.kinds.python import read_run
from poscloud.imports.pods import given
from poscloud.imports.source import Workload, texts, variables
from poscloud.render import Manifest


def subsystem_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a subsystem."""
    containers = {c["name"]: _container(workload, c, names) for c in workload.containers}
    return {
        "port": None,
        "image": None,
        "version": None,
        "resources": None,
        "probes": None,
        "grace_period": workload.pod.get("terminationGracePeriodSeconds"),
        "containers": containers,
    }


def _container(workload: Workload, container: Manifest, names: ImageNames) -> dict[str, Any]:
    name, env = container["name"], texts(variables(container))
    ports = {
        p.get("name") or f"port-{p['containerPort']}": p["containerPort"]
        for p in container.get("ports") or []
    }
    first = next(iter(ports.values()), None)
    probe = container.get("readinessProbe") or {}
    health = (probe.get("tcpSocket") or {}).get("port")
    logs = [m for m in container.get("volumeMounts") or [] if m["name"] == "logs"]
    fields: dict[str, Any] = {
        "ports": ports,
        "resources": pods.resources(container),
        **given(probes=pods.probes(container)),
    }
    if isinstance(health, int) and health != first:
        fields["health_port"] = health
    if logs:
        whole = not logs[0].get("subPath") and not str(logs[0].get("subPathExpr", "")).endswith(f"/{name}")
        fields |= {"logs_path": logs[0]["mountPath"], "all_logs": whole}
    if "RUN_CMD" in env:
        fields["python"] = read_run(name, env, first, bool(container.get("command")))
        name = env.get("GIT_REPO_NAME") or name
    elif container.get("command"):
        fields["command"] = [*container["command"], *(container.get("args") or [])]
    elif container.get("args"):
        workload.notes.append(
            f"container {name} has args for its image's own command, which are left out; give the whole `command`"
        )
    return fields | names.of_service(container.get("image", ""), name)
