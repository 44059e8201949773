"""Ports that every node of the cluster listens on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poscloud.spec.references import Finding

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec

NODE_PORTS = range(30000, 32768)
"""What the API server gives out by default (``--service-node-port-range``)."""


def check_node_ports(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each service that asks for a node port another one has.

    A node port is the whole cluster's: one that a service of another environment has is refused by the API server.
    """
    findings: list[Finding] = []
    taken: dict[int, str] = {}
    for name, service in spec.services.items():
        port = service.node_port
        if port is None:
            continue
        if port in taken:
            message = f"service '{taken[port]}' has node_port {port} already; a node has each port once"
            findings.append(Finding(("services", name, "node_port"), "duplicate-node-port", message))
        taken.setdefault(port, name)
    return findings
