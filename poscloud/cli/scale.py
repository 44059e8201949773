"""``poscloud scale``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Stack, Yes, complete_service, root


def scale(
    service: Annotated[
        str,
        typer.Argument(
            help="The service, or one track of its release: web-blue. Several: api-geo.",
            autocompletion=complete_service,
        ),
    ],
    count: Annotated[
        int, typer.Argument(help="How many pods, from 0; the stack's own number ends the change.")
    ],
    stack: Stack,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")],
    lasts: Annotated[
        str, typer.Option("--for", help="For how long: 90m, 2h, 3d; without it, until the next up.")
    ] = "",
    yes: Yes = False,
) -> None:
    """Give a service another number of pods for a while, and record who did it, why and until when.

    Afterwards it is put back to what the stack says: by the next `up`, or when its time is over by
    `poscloud drift --revert-due` and `poscloud env sweep --yes`.

    Example: poscloud scale dac-task 3 -s wbyh-stage --for 2h --reason "load test"
    """
    from poscloud.engine.manual.change import scale
    from poscloud.local.progress import ConsoleReporter

    _output.say(scale(root(), stack, service, count, ConsoleReporter(), lasts=lasts, why=reason, yes=yes))
