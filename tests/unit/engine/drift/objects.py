"""A stack's Deployment, and the live one as the API server returns it, with managedFields."""

from __future__ import annotations

import copy
from typing import Any

from poscloud.engine.drift.compare import compare
from poscloud.engine.drift.described import Described
from poscloud.engine.drift.difference import Difference

Object = dict[str, Any]

MANAGER = "pulumi-kubernetes-1a2b3c4d"
AT = "2026-11-22T10:00:00Z"

CONTAINER: Object = {
    "name": "web",
    "image": "shop/web:v1",
    "args": ["--port", "80"],
    "env": [{"name": "MODE", "value": "fast"}, {"name": "DB_PASSWORD", "value": "x"}],
    "ports": [{"containerPort": 80}],
    "resources": {"limits": {"cpu": "1"}},
}
INPUTS: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [CONTAINER]}}},
}
OWNED: Object = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:strategy": {"f:type": {}},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:args": {},
                        "f:env": {
                            ".": {},
                            'k:{"name":"DB_PASSWORD"}': {".": {}, "f:name": {}, "f:value": {}},
                            'k:{"name":"MODE"}': {".": {}, "f:name": {}, "f:value": {}},
                        },
                        "f:image": {},
                        "f:name": {},
                        "f:ports": {
                            ".": {},
                            'k:{"containerPort":80,"protocol":"TCP"}': {
                                ".": {},
                                "f:containerPort": {},
                                "f:protocol": {},
                            },
                        },
                        "f:resources": {".": {}, "f:limits": {".": {}, "f:cpu": {}}},
                    }
                }
            }
        },
    },
}


def described(inputs: Object = INPUTS, mask: Any = False, uid: str = "u-1") -> Described:
    """Return what the stack has of an object."""
    outputs = {"__fieldManager": MANAGER, "metadata": {"uid": uid}}
    return Described("urn", "web", inputs, mask, outputs)


def entry(manager: str, fields: Object, operation: str = "Update", **more: Any) -> Object:
    """Return one entry of managedFields."""
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "time": AT,
        "fieldsV1": fields,
        **more,
    }


def live() -> Object:
    """Return the Deployment as it is after an ``up``, with defaults and the controller's words."""
    obj = copy.deepcopy(INPUTS)
    obj["metadata"] |= {
        "uid": "u-1",
        "resourceVersion": "7",
        "generation": 1,
        "annotations": {"deployment.kubernetes.io/revision": "1"},
        "managedFields": [
            entry(MANAGER, copy.deepcopy(OWNED)),
            entry(
                "kube-controller-manager",
                {
                    "f:metadata": {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}},
                    "f:status": {"f:replicas": {}},
                },
                subresource="status",
            ),
        ],
    }
    obj["spec"]["strategy"] = {"type": "RollingUpdate"}
    container(obj)["ports"] = [{"containerPort": 80, "protocol": "TCP"}]
    container(obj)["terminationMessagePath"] = "/dev/termination-log"
    obj["status"] = {"replicas": 1}
    return obj


def container(obj: Object, number: int = 0) -> Object:
    """Return one container of a Deployment."""
    found: Object = obj["spec"]["template"]["spec"]["containers"][number]
    return found


def within(fields: Object) -> Object:
    """Return ``fieldsV1`` of the container ``web``."""
    return {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': fields}}}},
    }


def by(obj: Object, manager: str, fields: Object, **more: Any) -> Object:
    """Return an object that another manager wrote to as well."""
    obj["metadata"]["managedFields"].append(entry(manager, fields, **more))
    return obj


def found(obj: Object, result: Object | None = None, **more: Any) -> dict[str, Difference]:
    """Return in which fields a live Deployment differs."""
    return {d.field: d for d in compare(described(), obj, result, **more).differences}
