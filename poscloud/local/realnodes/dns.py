"""The cluster's name server as a Service: it runs beside the first node's kubelet, not as a pod."""

from __future__ import annotations

from typing import Any

from poscloud.local.access import BINDINGS, ROLES, subject
from poscloud.local.api import LocalApi
from poscloud.local.certificates import NAME_SERVER
from poscloud.local.realnodes.layout import DNS_SERVER, DNS_SERVICE

NAMESPACE = "/api/v1/namespaces/kube-system"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
_PROTOCOLS = (("dns", "UDP"), ("dns-tcp", "TCP"))

_READS = (("", ["namespaces", "services"]), ("discovery.k8s.io", ["endpointslices"]))


def role() -> dict[str, Any]:
    """What the name server may do: look at what names are of, and at nothing else."""
    rules = [{"apiGroups": [group], "resources": what, "verbs": ["list", "watch"]} for group, what in _READS]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": NAME_SERVER},
        "rules": rules,
    }


def binding() -> dict[str, Any]:
    """Who may."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": NAME_SERVER},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME_SERVER},
        "subjects": [subject("User", NAME_SERVER)],
    }


def allow(api: LocalApi) -> None:
    """Give the name server its role where it has none, or another one."""
    found = api.get(f"{ROLES}/{NAME_SERVER}")
    if found is None:
        api.create(ROLES, role())
    elif found.get("rules") != role()["rules"]:
        api.replace(f"{ROLES}/{NAME_SERVER}", role())
    if api.get(f"{BINDINGS}/{NAME_SERVER}") is None:
        api.create(BINDINGS, binding())


def service() -> dict[str, Any]:
    """The Service: an address that every pod has in its resolv.conf."""
    ports = [{"name": name, "protocol": protocol, "port": 53} for name, protocol in _PROTOCOLS]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"clusterIP": DNS_SERVICE, "ports": ports},
    }


def endpoints() -> dict[str, Any]:
    """Where the Service leads to."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kube-dns-node", "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [DNS_SERVER], "conditions": {"ready": True}}],
        "ports": [{"name": name, "protocol": protocol, "port": 53} for name, protocol in _PROTOCOLS],
    }


def prepare(api: LocalApi) -> bool:
    """Make both where they are missing; whether they are there."""
    if api.get(NAMESPACE) is None:
        return False
    if api.get(f"{NAMESPACE}/services/kube-dns") is None:
        api.create(f"{NAMESPACE}/services", service())
    if api.get(f"{SLICES}/kube-dns-node") is None:
        api.create(SLICES, endpoints())
    return True
