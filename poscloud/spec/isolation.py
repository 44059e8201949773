"""Which traffic an environment lets in and out (NetworkPolicy)."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from poscloud.spec.base import Model, Name
from poscloud.spec.references import Finding

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec
    from poscloud.spec.external import ExternalServer


def _check_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}: an address and the length of its prefix, such as 172.16.0.0/12") from None
    return text


Network = Annotated[str, AfterValidator(_check_network)]
"""An address range as NetworkPolicy takes it (``ipBlock.cidr``)."""


class IsolationSpec(Model):
    """What may connect to an environment's pods beside the pods themselves; all else is refused."""

    from_namespaces: tuple[Name, ...] = Field(
        (),
        description="Other namespaces whose pods may connect, and be connected to.",
        examples=[["monitoring"]],
    )
    ingress_namespaces: tuple[Name, ...] = Field(
        ("ingress-nginx",), description="Namespaces of the ingress controllers."
    )
    from_networks: tuple[Network, ...] = Field(
        (),
        description="Addresses outside the cluster's pods that may connect: an office that is routed to them, nodes.",
        examples=[["192.168.0.0/16"]],
    )
    to_networks: tuple[Network, ...] | None = Field(
        None,
        description="Addresses outside that may be connected to, beside DNS; left out, everything; [], nothing.",
        examples=[["10.31.222.0/24"]],
    )


def _all_defaults(value: object) -> object:
    return {} if value is True else value


IsolationChoice = Annotated[
    IsolationSpec | Literal[False],
    BeforeValidator(_all_defaults, json_schema_input_type=bool | IsolationSpec),
]
"""``true`` for the defaults, ``false`` for none."""


def check_isolation(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each server outside that no pod may reach: a NetworkPolicy knows addresses, and no names."""
    if not spec.isolation or spec.isolation.to_networks is None or spec.isolation.to_networks:
        return []
    findings = []
    for name, part in spec.backing.items():
        server: ExternalServer | None = getattr(part, "external", None)
        if server and not server.is_address():
            message = f"isolation.to_networks is empty, so that no pod reaches {server.host}"
            hint = "give the server's IP address here, or its network in isolation.to_networks"
            findings.append(Finding(("backing", name, "external", "host"), "cut-off", message, hint))
    return findings
