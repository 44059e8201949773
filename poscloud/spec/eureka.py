"""Eureka: which service is the server, and whether it can be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poscloud.spec.base import check_stateful_name
from poscloud.spec.java import JavaServiceSpec
from poscloud.spec.references import Finding

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec


def check_eureka(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each Eureka server that is none: no Java service, without a port, or not its own client."""
    findings: list[Finding] = []
    for name, service in spec.services.items():
        if not isinstance(service, JavaServiceSpec) or not service.eureka:
            continue
        path = ("services", name, "eureka")
        if service.eureka == name:
            if not service.port:
                findings.append(Finding(path, "bad-eureka", "a Eureka server needs a port"))
            if service.release and service.release.strategy != "rolling":
                message = "Eureka servers know each other by their addresses and are replaced one at a time"
                where = ("services", name, "release", "strategy")
                findings.append(Finding(where, "bad-eureka", message, "leave `release` out"))
            try:
                check_stateful_name(name)
            except ValueError as error:
                findings.append(Finding(("services", name), "wrong-value", str(error)))
            continue
        server = spec.services.get(service.eureka)
        if server is not None and not (
            isinstance(server, JavaServiceSpec) and server.eureka == service.eureka
        ):
            findings.append(
                Finding(
                    path,
                    "bad-eureka",
                    f"'{service.eureka}' is no Eureka server",
                    f"a Eureka server is a Java service that names itself: {service.eureka}: "
                    f"{{kind: java, eureka: {service.eureka}}}",
                )
            )
        elif server is None and service.eureka in spec.backing:
            findings.append(
                Finding(path, "bad-eureka", f"'{service.eureka}' is a backing service, no Eureka server")
            )
    return findings
