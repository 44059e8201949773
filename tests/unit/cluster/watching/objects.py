"""Live objects as a cluster has them, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
MADE = "2026-11-22T09:00:00Z"


def workload(
    name: str, *, ready: int = 1, wanted: int = 1, after: str = "", image: str = "r/web:v1"
) -> Object:
    """A Deployment with as many pods ready as said."""
    annotations = {"poscloud.io/start-after": after} if after else {}
    labels = {"app": name, "app.kubernetes.io/component": "java-service"}
    status = {
        "observedGeneration": 1,
        "replicas": wanted,
        "updatedReplicas": wanted,
        "availableReplicas": ready,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "uid": name,
            "generation": 1,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": {"replicas": wanted, "template": {"spec": {"containers": [{"name": name, "image": image}]}}},
        "status": status,
    }


def pod(app: str, number: int = 1, *, ready: bool = True, **status: Any) -> Object:
    """A pod of a service."""
    told = {"name": app, "ready": ready, "restartCount": 0, "state": {"running": {}}, **status}
    resources = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{app}-{number}",
            "uid": f"{app}-{number}",
            "labels": {"app": app},
            "creationTimestamp": MADE,
        },
        "spec": {"containers": [{"name": app, "resources": resources}]},
        "status": {
            "phase": "Running",
            "hostIP": "10.0.0.7",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [told],
        },
    }


CRASHING = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
    "restartCount": 5,
}
