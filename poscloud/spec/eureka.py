"""Eureka: which service is the server, and whether it can be one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from poscloud.spec.base import check_stateful_name
from poscloud.spec.java import JavaServiceSpec
from poscloud.spec.references import Finding, Path

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec


def check_eureka(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each service that cannot be a Eureka server, and for each that registers with no server."""
    findings: list[Finding] = []
    for name, service in spec.services.items():
        if isinstance(service, JavaServiceSpec) and service.eureka == name:
            findings += _check_server(name, service)
        elif isinstance(service, JavaServiceSpec) and service.eureka:
            findings += _check_client(spec, name, service.eureka)
    return findings


def _check_server(name: str, server: JavaServiceSpec) -> Iterator[Finding]:
    path: Path = ("services", name)
    if not server.port:
        yield Finding((*path, "eureka"), "bad-eureka", "a Eureka server needs a port")
    if server.release and server.release.strategy != "rolling":
        message = "Eureka servers know each other by their addresses and are replaced one at a time"
        yield Finding((*path, "release", "strategy"), "bad-eureka", message, "leave `release` out")
    try:
        check_stateful_name(name)
    except ValueError as error:
        yield Finding(path, "wrong-value", str(error))


def _check_client(spec: EnvironmentSpec, name: str, server: str) -> Iterator[Finding]:
    path: Path = ("services", name, "eureka")
    found = spec.services.get(server)
    if server in spec.backing:
        yield Finding(path, "bad-eureka", f"'{server}' is a backing service, no Eureka server")
    elif found and not (isinstance(found, JavaServiceSpec) and found.eureka == server):
        hint = (
            f"a Eureka server is a Java service that names itself: {server}: {{kind: java, eureka: {server}}}"
        )
        yield Finding(path, "bad-eureka", f"'{server}' is no Eureka server", hint)
