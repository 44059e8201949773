"""``poscloud restart``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import OneService, Stack, Yes, root


def restart(
    service: OneService,
    stack: Stack,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")] = "no reason given",
    yes: Yes = False,
) -> None:
    """Have all pods of a service made anew, as many at a time as its rollout allows, and wait; it is recorded.

    Example: poscloud restart dac-task -s wbyh-stage --reason "new certificate"
    """
    from poscloud.engine.manual.change import restart
    from poscloud.local.progress import ConsoleReporter

    _output.say(restart(root(), stack, service, ConsoleReporter(), why=reason, yes=yes))
