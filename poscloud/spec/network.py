"""Addresses of hosts and DNS servers, as programs are configured with them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator


def check_address(text: str) -> str:
    """Return ``text`` if it is an IPv4 or IPv6 address, else raise ``ValueError``."""
    try:
        ip_address(text)
    except ValueError:
        raise ValueError(
            f"'{text}' is no IP address; a name could not be resolved before there is DNS"
        ) from None
    return text


def split_address(text: str) -> tuple[str, int | None]:
    """Return the address and the port of ``10.96.0.10``, ``10.96.0.10:53``, ``fd00::10`` or ``[fd00::10]:53``.

    Raises:
        ValueError: It is neither of them.
    """
    found = re.fullmatch(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[^:\[\]]+)):(?P<port>[0-9]{1,5})", text)
    if found is None:
        return check_address(text.strip("[]")), None
    port = int(found["port"])
    if not 1 <= port <= 65535:
        raise ValueError(f"'{text}': {port} is no port, it must be 1 to 65535")
    return check_address(found["v6"] or found["v4"]), port


def _check_resolver(text: str) -> str:
    split_address(text)
    return text


Address = Annotated[str, AfterValidator(check_address)]
"""An IPv4 or IPv6 address."""

Resolver = Annotated[str, AfterValidator(_check_resolver)]
"""The address of a DNS server, with a port if it is not 53."""
