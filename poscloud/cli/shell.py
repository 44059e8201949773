"""``poscloud shell``."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Container, OneService, Stack, Yes, root


def shell(
    service: OneService,
    stack: Stack,
    container: Container = "",
    lasts: Annotated[
        str,
        typer.Option("--for", help="For how long its changes stay: 90m, 2h; without it, until the next up."),
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")] = "no reason given",
    yes: Yes = False,
) -> None:
    """Open a shell in a ready pod of a service: bash where there is one, else sh; says which pod, and is recorded.

    What is changed there goes when its time is over, or with the next `up`: then just this pod is replaced.

    Example: poscloud shell dac-task -s wbyh-stage --for 2h --reason "look at the cache"
    """
    from poscloud.cluster.remote.terminal import is_terminal
    from poscloud.engine.manual.visit import Wanted, shell_words, visit
    from poscloud.errors import PosCloudError
    from poscloud.local.progress import ConsoleReporter

    if not is_terminal():
        raise PosCloudError(
            "a shell needs a terminal for its input and output",
            hint=f"one command: poscloud exec {service} -s {stack} -- COMMAND",
        )
    wanted = Wanted(
        "shell",
        shell_words(os.environ.get("TERM", "dumb")),
        container,
        tty=True,
        takes_input=True,
        recorded=True,
        lasts=lasts,
        why=reason,
        yes=yes,
    )
    sys.exit(visit(root(), stack, service, ConsoleReporter(), _output.tell, wanted))
