"""NginxGateway: hundreds of locations to services by their DNS names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, StrictInt, field_validator, model_validator

from poscloud.spec.locations import (
    AnyLocation,
    BodySize,
    Directive,
    Headers,
    LocationKey,
    Match,
    Seconds,
    Target,
    parse_match,
    parse_target,
)
from poscloud.spec.network import Resolver
from poscloud.spec.references import Finding, Path, nearest
from poscloud.spec.service import Probes
from poscloud.spec.stdout import StdoutServiceSpec
from poscloud.spec.values import Resources, Size, resources

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec


class NginxGatewaySpec(StdoutServiceSpec):
    """nginx in front of services, each found by its Service's DNS name when it is asked for.

    Source: document 004, "ingress-nginx服务入口接入", the second way: a variable in ``proxy_pass`` and a ``resolver``,
    so that a Service that is deleted and made again is found.
    """

    kind: Literal["nginx"] = Field("nginx", description="nginx in front of services.")
    version: str = Field("1.28.0", description="Version of nginx, the tag in the image pattern for programs.")
    port: StrictInt = Field(80, ge=1, le=65535, description="TCP port of the Service; nginx listens on 8080.")
    locations: dict[LocationKey, AnyLocation] = Field(
        {},
        description="What is matched → where it goes. A key is a path's beginning, or one after = (exactly), "
        "^~ (before regular expressions), ~ (regular expression) or ~* (without regard to case).",
        examples=[{"/tomcat/": "tomcat", "= /health": {"to": "dac-web", "access_log": False}}],
    )
    locations_from: str | None = Field(
        None,
        description="Table of further locations, relative to this file: .csv (columns `location`, `to` and any "
        "other field of one value) or .yaml (a map as in `locations`).",
        examples=["routes.csv"],
    )
    resolver: Resolver | None = Field(
        None,
        description="Address of the DNS server, with its port if that is not 53; left out, the cluster's, from the "
        "pod's /etc/resolv.conf.",
        examples=["10.96.0.10"],
    )
    resolver_valid: Seconds = Field(
        30, description="Seconds after which a name is asked for again, whatever its own time to live."
    )
    body_size: BodySize = Field("100M", description="Largest request body (client_max_body_size).")
    connect_timeout: Seconds = Field(300, description="Seconds (proxy_connect_timeout).")
    read_timeout: Seconds = Field(300, description="Seconds (proxy_read_timeout).")
    send_timeout: Seconds = Field(60, description="Seconds (proxy_send_timeout).")
    headers: Headers = Field(
        {},
        description="Request headers beside X-Real-IP, X-Forwarded-For and X-Forwarded-Proto; nginx's variables are "
        "allowed, '' sends none.",
        examples=[{"Host": "$host"}],
    )
    directives: tuple[Directive, ...] = Field((), description="Further directives of the server block.")
    temp_space: Size = Field("2Gi", description="Most that buffered bodies may take on the node.")
    probes: Probes = Field(Probes(initial_delay=2), description="Readiness and liveness by TCP connect.")
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("64Mi", "512Mi")),
        description="CPU and memory; nginx has a worker for each core of the limit.",
    )

    @field_validator("locations_from")
    @classmethod
    def _table_is_read(cls, value: str | None) -> str | None:
        if value is not None:
            raise ValueError(
                "a table is read by poscloud.load.read_locations(FILE); give locations= its result"
            )
        return value

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if not self.locations:
            raise ValueError("no locations; give `locations` or `locations_from`")
        return self

    def check_among(self, name: str, environment: EnvironmentSpec) -> Iterator[Finding]:
        """Yield locations given twice, targets that are not there or serve nothing, and rewrites without effect."""
        seen: dict[tuple[str, str], str] = {}
        for key, location in self.locations.items():
            where: Path = ("locations", key)
            match = parse_match(key)
            first = seen.setdefault(match.identity, key)
            if first != key:
                message = f"location '{key}' is '{first}' once more; nginx tells them apart by neither blanks nor ^~"
                yield Finding(where, "duplicate-location", message, "remove one of them")
            yield from _check_target(parse_target(location.to), (*where, "to"), name, environment)
            if location.rewrite is not None:
                yield from _check_rewrite(match, location.rewrite, (*where, "rewrite"))


def _check_target(target: Target, path: Path, name: str, environment: EnvironmentSpec) -> Iterator[Finding]:
    service = target.service
    if service is None or target.environment not in (None, environment.name):
        return
    known = {*environment.backing, *environment.services} - {name}
    if service == name:
        yield Finding(path, "loop", f"'{service}' is this gateway itself; a request would never end")
    elif service not in known:
        message = (
            f"'{service}' names no service or backing service; a host outside the cluster is http://{service}"
        )
        yield Finding(path, "unknown-reference", message, nearest(service, known))
    elif target.port is None and "port" not in environment.part(service).offered():
        message = f"'{service}' has no port"
        yield Finding(path, "no-port", message, f"write {service}:PORT, or give it a `port`")


def _check_rewrite(match: Match, rewrite: str, path: Path) -> Iterator[Finding]:
    if match.modifier in ("", "^~") and not (match.path.endswith("/") and rewrite.endswith("/")):
        message = (
            f"'{match.path}' becomes '{rewrite}': both must end with '/', or /a would take /ab with it and "
            "leave '//' or no '/' between"
        )
        yield Finding(path, "bad-rewrite", message, "end both with '/'")
