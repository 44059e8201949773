"""NetworkPolicies that isolate an environment from the others of its cluster."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec.external import ExternalServer
from poscloud.spec.isolation import IsolationSpec

_DNS = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
_NODE_LOCAL_DNS = "169.254.20.10/32"
"""Where NodeLocal DNSCache listens on each node, where it is used."""


def render_isolation(context: Context, isolation: IsolationSpec, labels: dict[str, str]) -> list[Manifest]:
    """Return the policy of all pods, and one for each service with a node port, which anybody may reach."""
    return [
        _policy(context, "isolation", labels, {}, _rules(context, isolation)),
        *(
            _policy(
                context,
                names.node_port_policy(name),
                labels,
                {"matchLabels": names.selector(name)},
                {
                    "policyTypes": ["Ingress"],
                    "ingress": [{"ports": [{"protocol": "TCP", "port": _first_port(service.ports())}]}],
                },
            )
            for name, service in context.environment.services.items()
            if service.node_port
        ),
    ]


def _policy(context: Context, name: str, labels: dict[str, str], pods: Manifest, rules: Manifest) -> Manifest:
    return manifest(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        name,
        namespace=context.namespace,
        labels=labels,
        spec={"podSelector": pods, **rules},
    )


def _rules(context: Context, isolation: IsolationSpec) -> Manifest:
    own: Manifest = {"podSelector": {}}
    sources = [own, *_namespaces((*isolation.from_namespaces, *isolation.ingress_namespaces))]
    rules: Manifest = {
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [*sources, *_blocks(isolation.from_networks)]}],
    }
    if isolation.to_networks is None:
        return rules
    targets = [own, *_namespaces(isolation.from_namespaces), *_blocks(isolation.to_networks)]
    dns = {"to": [*_namespaces(("kube-system",)), *_blocks((_NODE_LOCAL_DNS,))], "ports": _DNS}
    egress = [{"to": targets}, dns, *_external(context)]
    return {**rules, "policyTypes": ["Ingress", "Egress"], "egress": egress}


def _external(context: Context) -> list[Manifest]:
    """Return a rule for each server outside that the environment itself names by its address."""
    rules = []
    for part in context.environment.backing.values():
        server: ExternalServer | None = getattr(part, "external", None)
        if server and server.is_address():
            address = ip_address(server.host)
            block = _blocks([f"{address}/{address.max_prefixlen}"])
            rules.append({"to": block, "ports": [{"protocol": "TCP", "port": server.port}]})
    return rules


def _namespaces(namespaces: Iterable[str]) -> list[Manifest]:
    values = list(dict.fromkeys(namespaces))
    # The API server itself puts this label on every namespace.
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": values}
    return [{"namespaceSelector": {"matchExpressions": [expression]}}] if values else []


def _blocks(networks: Iterable[str]) -> list[Manifest]:
    return [{"ipBlock": {"cidr": network}} for network in networks]


def _first_port(ports: dict[str, int]) -> int:
    return next(iter(ports.values()))
