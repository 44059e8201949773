"""Servers outside the environment."""

from __future__ import annotations

import re
from ipaddress import ip_address

from pydantic import Field, StrictInt, field_validator

from poscloud.spec.base import Model, check_dns_name


class ExternalServer(Model):
    """A server outside the environment, which poscloud neither makes nor changes."""

    host: str = Field(description="DNS name or IP address.", examples=["mysql.example.com", "10.31.222.100"])
    port: StrictInt = Field(3306, ge=1, le=65535, description="TCP port.")

    def is_address(self) -> bool:
        """Return whether ``host`` is an IP address, rather than a name."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, host: str) -> str:
        if ":" in host or re.fullmatch(r"[\d.]+", host):
            address = ip_address(host)
            if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
                raise ValueError(f"'{host}' cannot be reached from a pod under this address")
            return host
        if re.search(r"(^|\.)localhost(\.localdomain)?$|^ip6-", host, re.IGNORECASE):
            raise ValueError(f"'{host}' is each pod itself")
        return check_dns_name(host)
