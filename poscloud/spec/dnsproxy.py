"""DnsProxy: the cluster's DNS for everything outside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, StrictInt, field_validator, model_validator

from poscloud.spec.base import DnsName
from poscloud.spec.network import Address, Resolver
from poscloud.spec.nodes import selector_of
from poscloud.spec.references import Finding
from poscloud.spec.release import Release
from poscloud.spec.service import Probes, Rollout
from poscloud.spec.stdout import StdoutServiceSpec
from poscloud.spec.values import Resources, resources

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec

VERSIONS = {"dnsmasq": "2.90", "nginx": "1.28.0"}
"""Program → its version where none is given."""


class DnsProxySpec(StdoutServiceSpec):
    """A DNS server on a node's own port 53, so that the office network resolves the names of Services.

    Source: document 004, "增加DNS服务器代理": dnsmasq that sends names of the cluster to its DNS and all others to a
    public one; or a proxy that passes everything on to the cluster's DNS, which the document makes of ingress-nginx
    (docs/decisions says why this is plain nginx here).
    """

    kind: Literal["dns-proxy"] = Field("dns-proxy", description="The cluster's DNS for the office network.")
    program: Literal["dnsmasq", "nginx"] = Field(
        "dnsmasq",
        description="dnsmasq: names under `domains` go to the cluster's DNS, all others to `upstreams`, and answers "
        "are kept. nginx: every query is passed on to the cluster's DNS.",
    )
    version: str = Field(
        VERSIONS["dnsmasq"],
        description=f"Tag in the image pattern for programs; left out, {VERSIONS['dnsmasq']} of dnsmasq and "
        f"{VERSIONS['nginx']} of nginx.",
    )
    port: StrictInt = Field(53, ge=1, le=65535, description="TCP and UDP port on the node.")
    address: Address | None = Field(
        None,
        description="The node's address to listen on; left out, the one the cluster knows it by (hostIP).",
    )
    cluster_dns: Resolver | None = Field(
        None,
        description="Address of the cluster's DNS; left out, the one in the pod's /etc/resolv.conf.",
        examples=["10.96.0.10"],
    )
    domains: tuple[DnsName, ...] = Field(
        ("cluster.local",), description="dnsmasq: domains whose names the cluster's DNS is asked for."
    )
    upstreams: tuple[Resolver, ...] = Field(
        ("114.114.114.114",), description="dnsmasq: DNS servers for all other names."
    )
    cache: StrictInt = Field(10_000, ge=0, le=100_000, description="dnsmasq: answers kept.")
    node_selector: dict[str, str] | None = Field(
        {"node": "dns"}, description="Labels of the node that is the DNS server of the office."
    )
    rollout: Rollout = Field(
        Rollout(max_surge=0, max_unavailable=1),
        description="Rolling update. The old pod goes first, because a node has port 53 once.",
    )
    probes: Probes = Field(Probes(initial_delay=5), description="Readiness and liveness by TCP connect.")
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("32Mi", "128Mi")), description="CPU and memory."
    )

    @model_validator(mode="before")
    @classmethod
    def _version_of_program(cls, data: Any) -> Any:
        if isinstance(data, dict) and "version" not in data and data.get("program") == "nginx":
            return {**data, "version": VERSIONS["nginx"]}
        return data

    @field_validator("domains", "upstreams")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one is needed; leave it out for the default")
        return value

    @field_validator("release")
    @classmethod
    def _one_version(cls, value: Release | None) -> Release | None:
        if value is not None and value.strategy != "rolling":
            raise ValueError("two versions could not have the node's port at once; only rolling will do")
        return value

    @field_validator("rollout")
    @classmethod
    def _old_goes_first(cls, value: Rollout) -> Rollout:
        if value.max_surge:
            raise ValueError("max_surge must be 0: a second pod could not have the node's port as well")
        return value

    @model_validator(mode="after")
    def _only_dnsmasq_divides(self) -> Self:
        given = sorted({"domains", "upstreams", "cache"} & self.model_fields_set)
        if self.program == "nginx" and given:
            raise ValueError(
                f"nginx passes everything on to the cluster's DNS; {', '.join(given)} need dnsmasq"
            )
        return self

    def ports(self) -> dict[str, int]:
        """Return no port of a Service: it serves the network outside, at its node's address."""
        return {}

    def check_among(self, name: str, environment: EnvironmentSpec) -> Iterator[Finding]:
        """Yield a finding for each earlier DnsProxy that may get the same port of the same node."""
        for other, part in environment.services.items():
            if other == name:
                return
            if isinstance(part, DnsProxySpec) and self._collides(part, environment):
                message = f"'{other}' may get port {self.port} of the same node, which has it once"
                yield Finding(("port",), "duplicate-port", message, "choose another port or other nodes")

    def _collides(self, other: DnsProxySpec, environment: EnvironmentSpec) -> bool:
        own, others = selector_of(environment, self), selector_of(environment, other)
        apart = any(others.get(key, value) != value for key, value in own.items())
        return self.port == other.port and not apart and (not self.address or self.address == other.address)
