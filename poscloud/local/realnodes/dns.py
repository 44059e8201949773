"""The cluster's name server as a Service: it runs beside the first node's kubelet, not as a pod."""

from __future__ import annotations

from typing import Any

from poscloud.local.api import LocalApi
from poscloud.local.realnodes.layout import DNS_SERVER, DNS_SERVICE

NAMESPACE = "/api/v1/namespaces/kube-system"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
_PROTOCOLS = (("dns", "UDP"), ("dns-tcp", "TCP"))


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
