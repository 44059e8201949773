"""``poscloud push-jar``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Offline, Stack, Yes, complete_service, root


def push_jar(
    stack: Stack,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VERSION] [SERVICE]...",
            help="The version, by default the latest complete one in the store of jars; the services, by default all "
            "that have a version, or without one all that have a jar.",
            autocompletion=complete_service,
        ),
    ] = None,
    lasts: Annotated[
        str, typer.Option("--for", help="For how long: 90m, 2h, 3d; without it, until the next up.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")] = "no reason given",
    yes: Yes = False,
    offline: Offline = False,
) -> None:
    """Give services another version of their jar or image without editing the stack's file; it is recorded.

    One service after the other, each waited for; the first that does not become ready ends it, and its last log lines
    are shown. As a change by `poscloud scale` it is put back to what the stack says; `poscloud rollback` does it now.

    Example: poscloud push-jar 20170927-1731 dac-task -s wbyh-stage --for 2h --reason "try the fix"
    """
    from poscloud.engine.manual.push import Wanted, push
    from poscloud.local.progress import ConsoleReporter

    wanted = Wanted("push-jar", lasts, reason, yes, offline)
    push(root(), stack, tuple(words or ()), ConsoleReporter(), _output.say, wanted)
