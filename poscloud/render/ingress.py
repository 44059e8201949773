"""Ingress objects of an environment's rules."""

from __future__ import annotations

from collections.abc import Mapping

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.ingress import IngressRule, IngressTarget
from poscloud.spec.references import Finding, nearest


def render_ingress(context: Context, rule: IngressRule, labels: dict[str, str]) -> Manifest:
    """Return the Ingress of one rule.

    Nobody waits for it: its address comes from a controller that may serve it later or, in a local cluster, never.
    """
    spec: Manifest = {
        "ingressClassName": rule.ingress_class,
        "rules": [
            {
                "host": rule.host,
                "http": {
                    "paths": [
                        {
                            "path": path,
                            "pathType": rule.path_type,
                            "backend": {
                                "service": {
                                    "name": target.service,
                                    "port": {"number": _port(context, target)},
                                }
                            },
                        }
                        for path, target in rule.paths.items()
                    ]
                },
            }
        ],
    }
    if rule.tls:
        spec["tls"] = [{"hosts": [rule.host], "secretName": rule.tls}]
    return manifest(
        "networking.k8s.io/v1",
        "Ingress",
        rule.object_name(),
        namespace=context.namespace,
        labels=labels,
        annotations={**names.SKIP_AWAIT, **rule.annotations},
        spec=spec,
    )


def _port(context: Context, target: IngressTarget) -> int:
    return target.port or int(context.outputs[target.service]["port"])


def check_ports(spec: EnvironmentSpec, services: Mapping[str, Manifest]) -> list[Finding]:
    """Return a finding for each rule that leads to a port its Service does not have.

    Args:
        spec: The environment.
        services: Every rendered Service by its name.
    """
    findings: list[Finding] = []
    for i, rule in enumerate(spec.ingress):
        for path, target in rule.paths.items():
            if target.port is None or target.service not in services:
                continue
            ports = [port["port"] for port in services[target.service]["spec"]["ports"]]
            if target.port not in ports:
                message = f"'{target.service}' has no port {target.port}"
                where = ("ingress", i, "paths", path, "port")
                findings.append(
                    Finding(where, "no-port", message, nearest(str(target.port), map(str, ports)))
                )
    return findings
