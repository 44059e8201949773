"""Ingress objects of an environment's rules."""

from __future__ import annotations

from collections.abc import Mapping

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.ingress import HostPaths, IngressRule, IngressTarget
from poscloud.spec.references import Finding, nearest


def render_ingress(context: Context, rule: IngressRule, labels: dict[str, str]) -> Manifest:
    """Return the Ingress of one rule.

    Nobody waits for it: its address comes from a controller that may serve it later or, in a local cluster, never.
    """
    spec: Manifest = {
        "ingressClassName": rule.ingress_class,
        "rules": [_of_host(context, each) for each in rule.hosts()],
    }
    certified: dict[str, list[str]] = {}
    for each in rule.hosts():
        if each.tls and each.host not in certified.setdefault(each.tls, []):
            certified[each.tls].append(each.host)
    if certified:
        spec["tls"] = [{"hosts": hosts, "secretName": name} for name, hosts in certified.items()]
    return manifest(
        "networking.k8s.io/v1",
        "Ingress",
        rule.object_name(),
        namespace=context.namespace,
        labels=labels,
        annotations={**names.SKIP_AWAIT, **rule.annotations},
        spec=spec,
    )


def _of_host(context: Context, each: HostPaths) -> Manifest:
    paths = [
        {
            "path": path,
            "pathType": each.path_type,
            "backend": {"service": {"name": target.service, "port": {"number": _port(context, target)}}},
        }
        for path, target in each.paths.items()
    ]
    return {"host": each.host, "http": {"paths": paths}}


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
        for each in rule.hosts():
            for path, target in each.paths.items():
                if target.port is None or target.service not in services:
                    continue
                ports = [port["port"] for port in services[target.service]["spec"]["ports"]]
                if target.port not in ports:
                    message = f"'{target.service}' has no port {target.port}"
                    where = ("ingress", i, *rule.place_of_path(each, path), "port")
                    findings.append(
                        Finding(where, "no-port", message, nearest(str(target.port), map(str, ports)))
                    )
    return findings
