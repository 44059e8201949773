"""Services whose pods know each other: each pod has a DNS name of its own."""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec import ServiceSpec


def render_peers(
    context: Context, name: str, spec: ServiceSpec, labels: dict[str, str], template: Manifest
) -> list[Manifest]:
    """Return headless Service and StatefulSet.

    Args:
        context: The environment.
        name: The service.
        spec: Its description.
        labels: Of every object.
        template: The pods' template.
    """
    headless = manifest(
        "v1",
        "Service",
        names.peers_service(name),
        namespace=context.namespace,
        labels=labels,
        annotations=names.SKIP_AWAIT,
        spec={
            "clusterIP": "None",
            "publishNotReadyAddresses": True,  # They have to find each other before any of them is ready.
            "selector": names.selector(name),
            "ports": [{"name": n, "port": port, "targetPort": n} for n, port in spec.ports().items()],
        },
    )
    workload = manifest(
        "apps/v1",
        "StatefulSet",
        name,
        namespace=context.namespace,
        labels=labels,
        spec={
            "serviceName": names.peers_service(name),
            "replicas": spec.replicas,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": names.selector(name)},
            "template": template,
        },
    )
    return [headless, workload]
