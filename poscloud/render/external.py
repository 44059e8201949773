"""A server outside the environment under a name inside of it: a Service without pods."""

from __future__ import annotations

from ipaddress import ip_address

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec.external import ExternalServer


def render_external(context: Context, name: str, kind: str, server: ExternalServer) -> list[Manifest]:
    """Return the Service, and for an IP address the EndpointSlice, that lead to ``server``.

    The Service's DNS name leads to the server itself, not to a virtual address: clients need the server's own port.
    """
    labels = context.labels(name, kind)
    port = {"name": "client", "port": server.port, "protocol": "TCP"}
    try:
        address = ip_address(server.host)
    except ValueError:
        spec = {"type": "ExternalName", "externalName": server.host, "ports": [port]}
        return [_service(context, name, labels, spec)]
    return [
        _service(context, name, labels, {"clusterIP": "None", "ports": [port]}),
        {
            **manifest(
                "discovery.k8s.io/v1",
                "EndpointSlice",
                name,
                namespace=context.namespace,
                labels={
                    **labels,
                    "kubernetes.io/service-name": name,
                    "endpointslice.kubernetes.io/managed-by": "poscloud",
                },
            ),
            "addressType": f"IPv{address.version}",
            "endpoints": [{"addresses": [str(address)], "conditions": {"ready": True}}],
            "ports": [port],
        },
    ]


def _service(context: Context, name: str, labels: dict[str, str], spec: Manifest) -> Manifest:
    return manifest(
        "v1",
        "Service",
        name,
        namespace=context.namespace,
        labels=labels,
        annotations=names.SKIP_AWAIT,
        spec=spec,
    )
