"""Parts of a pod that all renderers share, secure by default."""

from __future__ import annotations

from typing import Any

from poscloud.render.manifest import Manifest
from poscloud.spec import NfsMount, Resources

HOST_TIME_VOLUME: Manifest = {"name": "host-time", "hostPath": {"path": "/etc/localtime"}}
HOST_TIME_MOUNT: Manifest = {"name": "host-time", "mountPath": "/etc/localtime", "readOnly": True}

CONTAINER_SECURITY: Manifest = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""For every container, whoever its user is."""

READ_ONLY: Manifest = {**CONTAINER_SECURITY, "readOnlyRootFilesystem": True}
"""For every container whose program writes into its volumes and ``TMP_MOUNT`` alone."""

PRIVILEGED_PORTS = 1024
"""Below this one only root may listen."""

TMP = "tmp"
TMP_MOUNT: Manifest = {"name": TMP, "mountPath": "/tmp"}
TMP_SPACE = "1Gi"


def tmp_volume(size: str | None = TMP_SPACE) -> Manifest:
    """Return the pod's volume for /tmp; a pod that exceeds its size is evicted, ``None`` is the node's disk."""
    return {"name": TMP, "emptyDir": {"sizeLimit": size} if size else {}}


def security(user: int | str, *, writable_root: bool = False) -> Manifest:
    """Return the security context of a container.

    Args:
        user: The number of its user and group; ``image``: the image's own user. Of that one it cannot be asked not
            to be root: the kubelet does not start a user that the image names (``USER deploy``) under that rule.
        writable_root: Whether it may write into the files of its image.
    """
    context = dict(CONTAINER_SECURITY if writable_root else READ_ONLY)
    if isinstance(user, int):
        context |= {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user}
    return context


def low_ports(pod: Manifest) -> Manifest:
    """Return the pod's security context such that its users that are not root may listen below port 1024.

    They may by that one setting of the pod's network, which Kubernetes counts as safe (since 1.22, in the restricted
    Pod Security Standard too); a pod with its host's network cannot have it.
    """
    context: Manifest = pod.get("securityContext", {})
    for container in pod["containers"]:
        user = {**context, **container["securityContext"]}.get("runAsUser", 0)
        low = any(port["containerPort"] < PRIVILEGED_PORTS for port in container.get("ports", []))
        if user and low and not pod.get("hostNetwork"):
            return {**context, "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}
    return context


def resources(spec: Resources) -> Manifest:
    """Return a container's ``resources``."""
    return {
        side: amounts
        for side in ("limits", "requests")
        if (amounts := getattr(spec, side).model_dump(exclude_none=True))
    }


def field_env(name: str, path: str) -> Manifest:
    """Return a variable with a value of the pod itself, such as ``status.podIP``."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def secret_env(name: str, secret: str, key: str) -> Manifest:
    """Return a variable with a Secret's value."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def nfs_volume(name: str, mount: NfsMount) -> Manifest:
    """Return a volume of the pod that is a directory of an NFS server."""
    return {"name": name, "nfs": {"server": mount.server, "path": mount.path}}


def memory_volume(name: str) -> Manifest:
    """Return a volume of the pod for sockets and passwords: in memory, at most 1 MiB, gone with the pod."""
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}


def tcp_probe(port: int, **timing: int) -> Manifest:
    """Return a probe that connects to ``port``; ``timing`` as in the API, in seconds."""
    return {"tcpSocket": {"port": port}, **timing}


def http_probe(port: int, path: str, **timing: int) -> Manifest:
    """Return a probe that gets ``path`` at ``port``; ``timing`` as in the API, in seconds."""
    return {"httpGet": {"path": path, "port": port}, **timing}


def exec_probe(script: str, **timing: int) -> Manifest:
    """Return a probe that runs a shell line in the container; ``timing`` as in the API, in seconds."""
    return {"exec": {"command": ["sh", "-c", script]}, **timing}


def waiting_probe(ask: str, alive: str) -> Manifest:
    """Return a probe that holds as soon as ``ask`` succeeds, or five seconds later if ``alive`` does.

    Both are lines of bash, because images do not always carry what else opens a connection; either may take 3 s. For
    what much waits for: it asks five times a second, and a kubelet still hears of a refusal only once in its period.
    """
    script = f"SECONDS=0; until ({ask}) 2>/dev/null; do [ $SECONDS -lt 5 ] || {{ {alive}; exit; }}; sleep 0.2; done"
    return {"exec": {"command": ["bash", "-c", script]}, "timeoutSeconds": 12}


def anti_affinity(name: str, mode: str) -> Manifest:
    """Return the affinity that keeps the pods of ``name`` on different hosts; empty for ``none``."""
    term: dict[str, Any] = {
        "labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": [name]}]},
        "topologyKey": "kubernetes.io/hostname",
    }
    if mode == "required":
        rule: Manifest = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    elif mode == "preferred":
        rule = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    else:
        return {}
    return {"affinity": {"podAntiAffinity": rule}}
