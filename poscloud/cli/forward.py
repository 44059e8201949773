"""``poscloud forward``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import OneService, Stack, Yes, root


def forward(
    service: OneService,
    stack: Stack,
    port: Annotated[
        str,
        typer.Argument(
            help="Number or name of its port, in the pod or of its Service; by default the first."
        ),
    ] = "",
    local: Annotated[
        int | None,
        typer.Option(
            "--local",
            min=0,
            max=65_535,
            help="The port on this machine; 0: any free one. By default the same number where that is free.",
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Forward a port of this machine (127.0.0.1) to a ready pod of a service; says which pod, until Ctrl-C.

    The address goes to stdout. When the pod is gone, so are its connections; new ones go to the next pod.

    Example: poscloud forward dac-web 8080 -e dac-test --local 9000
    """
    from poscloud.engine.manual.forward import Wanted, forward
    from poscloud.local.progress import ConsoleReporter

    def ready(address: str) -> None:
        _output.say(address)
        sys.stdout.flush()

    forward(root(), stack, ConsoleReporter(), _output.tell, ready, Wanted(service, port, local, yes))
