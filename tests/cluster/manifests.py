"""One object of every kind that an environment uses."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
PASSWORD = "hunter2-very-secret"
RESOURCES = {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": "2000m", "memory": "4096Mi"}}


def pod_spec(image: str = "shop:1", **more: Any) -> Object:
    container = {
        "name": "main",
        "image": image,
        "resources": RESOURCES,
        "env": [
            {"name": "EMPTY", "value": ""},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {
                "name": "CPU",
                "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1000m"}},
            },
        ],
        "ports": [{"containerPort": 9090}],
        "readinessProbe": {"tcpSocket": {"port": 9090}, "initialDelaySeconds": 0},
        "volumeMounts": [{"name": "logs", "mountPath": "/logs"}],
    }
    return {
        "containers": [container],
        "volumes": [{"name": "logs", "emptyDir": {"sizeLimit": "1024Mi"}}],
        **more,
    }


def template(app: str, **more: Any) -> Object:
    return {"metadata": {"labels": {"app": app}}, "spec": pod_spec(**more)}


def workload(app: str, **more: Any) -> Object:
    return {"replicas": 2, "selector": {"matchLabels": {"app": app}}, "template": template(app), **more}


CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10240Mi"}}}
SKIP = {"pulumi.com/skipAwait": "true"}
# Without containers' defaults of a LimitRange, so that a workload's own figures are what is stored.
LIMITS = {
    "type": "Container",
    "default": {"cpu": "0.5", "memory": "1024Mi"},
    "defaultRequest": {"cpu": "100m"},
}
DOCKER = '{"auths":{"registry":{"auth":"' + PASSWORD + '"}}}'
SUBJECT = {"kind": "ServiceAccount", "name": "app"}
ROLE_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "app"}
JOB = {"template": {"spec": {**pod_spec(), "restartPolicy": "Never"}}, "ttlSecondsAfterFinished": 600}
HPA_TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}

KINDS: dict[str, tuple[str, Object]] = {
    "ResourceQuota": ("v1", {"spec": {"hard": {"cpu": "64000m", "memory": "65536Mi", "pods": "100"}}}),
    "LimitRange": ("v1", {"spec": {"limits": [LIMITS]}}),
    "Secret": ("v1", {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": DOCKER}}),
    "ConfigMap": ("v1", {"data": {"filebeat.yml": "a: 1\n", "empty": ""}}),
    "ServiceAccount": ("v1", {"automountServiceAccountToken": False}),
    "Role": (
        "rbac.authorization.k8s.io/v1",
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    ),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", {"roleRef": ROLE_REF, "subjects": [SUBJECT]}),
    "PodDisruptionBudget": (
        "policy/v1",
        {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}}},
    ),
    "NetworkPolicy": ("networking.k8s.io/v1", {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
    "PersistentVolumeClaim": ("v1", {"metadata": {"annotations": SKIP}, "spec": CLAIM}),
    "Service": ("v1", {"spec": {"selector": {"app": "none"}, "ports": [{"port": 9090, "targetPort": 9090}]}}),
    "Service headless": (
        "v1",
        {"spec": {"clusterIP": "None", "selector": {"app": "x"}, "ports": [{"port": 2181}]}},
    ),
    "Service node port": (
        "v1",
        {"spec": {"type": "NodePort", "selector": {"app": "none"}, "ports": [{"port": 80}]}},
    ),
    "Ingress": (
        "networking.k8s.io/v1",
        {"spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}},
    ),
    "Deployment": ("apps/v1", {"spec": workload("app")}),
    "StatefulSet": ("apps/v1", {"spec": workload("set", serviceName="app")}),
    "StatefulSet claims": (
        "apps/v1",
        {
            "metadata": {"annotations": SKIP},
            "spec": workload(
                "claims",
                serviceName="app",
                volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": CLAIM}],
            ),
        },
    ),
    "DaemonSet": (
        "apps/v1",
        {"spec": {"selector": {"matchLabels": {"app": "ds"}}, "template": template("ds")}},
    ),
    "Job": ("batch/v1", {"spec": JOB}),
    "CronJob": ("batch/v1", {"spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": JOB}}}),
    "HorizontalPodAutoscaler": ("autoscaling/v2", {"spec": {"maxReplicas": 3, "scaleTargetRef": HPA_TARGET}}),
    "Pod": ("v1", {"spec": pod_spec()}),
}
