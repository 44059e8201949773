"""Which traffic an environment lets in and out (NetworkPolicy)."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from poscloud.spec.base import Model, Name


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
