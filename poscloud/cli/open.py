"""``poscloud open``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Stack, complete_service, root


def open_service(
    service: Annotated[
        str, typer.Argument(metavar="SERVICE", help="The service.", autocompletion=complete_service)
    ],
    stack: Stack,
    json: Json = False,
) -> None:
    """Say where a service can be reached: by ingress or node port, else the command that forwards a port.

    Example: poscloud open dac-web -e dac-test
    """
    import asyncio

    from poscloud.engine import looking

    found = asyncio.run(looking.reach(root(), stack, service))
    if json:
        _output.write_json(
            {"service": service, "addresses": list(found.addresses), "forward": found.forward or None}
        )
        return
    for address in found.addresses:
        _output.say(address)
    if not found.addresses and found.forward:
        _output.tell(f"{service} is not reachable from outside; to forward its port to this machine:")
        _output.say(found.forward)
    elif not found.addresses:
        _output.tell(f"{service} has no port")
