"""Fields of the language that are read off a pod: resources, probes, placement, users."""

from __future__ import annotations

from typing import Any

from poscloud.render import Manifest

HOST_TIME = "host-time"


def resources(container: Manifest) -> dict[str, Any]:
    """Return ``resources`` as the language has them; what is not given is null, or it would be the default."""
    given = container.get("resources") or {}
    return {
        side: {amount: (given.get(side) or {}).get(amount) for amount in ("cpu", "memory")}
        for side in ("requests", "limits")
    }


def probes(container: Manifest) -> dict[str, int] | None:
    """Return when the container is asked whether it is ready, or alive; ``None`` where it never is."""
    probe = container.get("readinessProbe") or container.get("livenessProbe")
    if not probe:
        return None
    return {
        "initial_delay": probe.get("initialDelaySeconds", 0),
        "timeout": probe.get("timeoutSeconds", 1),
        "period": probe.get("periodSeconds", 10),
        "failures": probe.get("failureThreshold", 3),
    }


def security(container: Manifest) -> dict[str, Any]:
    """Return who the program runs as, and whether it may write into its image's files."""
    context = container.get("securityContext") or {}
    return {
        "user": context.get("runAsUser", "image") or "image",
        "writable_root": not context.get("readOnlyRootFilesystem", False),
    }


def anti_affinity(pod: Manifest) -> str:
    """Return whether two pods may share a host."""
    rules = ((pod.get("affinity") or {}).get("podAntiAffinity")) or {}
    if rules.get("requiredDuringSchedulingIgnoredDuringExecution"):
        return "required"
    return "preferred" if rules.get("preferredDuringSchedulingIgnoredDuringExecution") else "none"


def nfs(volume: Manifest | None) -> dict[str, str] | None:
    """Return the NFS directory that a volume is."""
    found = (volume or {}).get("nfs")
    return {"server": found["server"], "path": found["path"]} if found else None


def space(volume: Manifest | None) -> str | None:
    """Return the most that a volume on the node's disk may take."""
    size = ((volume or {}).get("emptyDir") or {}).get("sizeLimit")
    return str(size) if size is not None else None


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
