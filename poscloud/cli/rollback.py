"""``poscloud rollback``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Offline, Stack, Yes, complete_service, root


def rollback(
    service: Annotated[str, typer.Argument(help="The service.", autocompletion=complete_service)],
    stack: Stack,
    version: Annotated[
        str,
        typer.Argument(
            help="The version; left out, what the stack says, or where the service has that, the one before."
        ),
    ] = "",
    lasts: Annotated[
        str, typer.Option("--for", help="For how long: 90m, 2h, 3d; without it, until the next up.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")] = "no reason given",
    yes: Yes = False,
    offline: Offline = False,
) -> None:
    """Give a service an earlier version and wait until it is ready; ends what `poscloud push-jar` began.

    A version that the stack does not say is recorded. Which there were shows `poscloud history SERVICE`.

    Example: poscloud rollback dac-task -s wbyh-stage
    """
    from poscloud.engine.manual.push import Wanted, rollback
    from poscloud.local.progress import ConsoleReporter

    wanted = Wanted("rollback", lasts, reason, yes, offline)
    rollback(root(), stack, service, version, ConsoleReporter(), _output.say, wanted)
