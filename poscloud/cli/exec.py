"""``poscloud exec``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Container, OneService, Stack, Yes, root


def run(
    service: OneService,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="Program and arguments.")],
    stack: Stack,
    container: Container = "",
    stdin: Annotated[bool, typer.Option("--stdin", "-i", help="Give it this command's input.")] = False,
    lasts: Annotated[
        str, typer.Option("--for", help="It changes files that are to go after 90m, 2h, 3d; it is recorded.")
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", help="It changes files, and why; it is recorded, until the next up.")
    ] = "",
    yes: Yes = False,
) -> None:
    """Run one command in a pod of a service; says which pod, and ends with the command's exit code.

    With --reason or --for it is recorded as a `poscloud shell` is, and its end replaces the pod.

    Example: poscloud exec dac-task -s wbyh-stage -- ls -l /home/deploy/logs
    """
    from poscloud.engine.manual.visit import Wanted, visit
    from poscloud.local.progress import ConsoleReporter

    wanted = Wanted(
        "exec",
        tuple(command),
        container,
        takes_input=stdin,
        recorded=bool(reason or lasts),
        lasts=lasts,
        why=reason or "no reason given",
        yes=yes,
    )
    sys.exit(visit(root(), stack, service, ConsoleReporter(), _output.tell, wanted))
