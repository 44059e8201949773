"""``poscloud logs``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import SomeServices, Stack, root

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from poscloud.cluster.watching.logs.line import Line


def logs(
    services: SomeServices,
    stack: Stack,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")
    ] = False,
    since: Annotated[str, typer.Option("--since", help="Only what is newer: 30s, 10m, 2h.")] = "",
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="Of the run before the last restart.")
    ] = False,
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail", help="The last lines of each pod; -1: all. By default 100, or all with --since."
        ),
    ] = None,
    container: Annotated[
        str, typer.Option("--container", "-c", help="A container's name, or all; by default the main one.")
    ] = "",
    files: Annotated[
        bool, typer.Option(help="Also what a service writes to log files; it takes the right to exec.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Show what all pods of some services wrote to stdout, stderr and log files, in order, with time and pod.

    With -f the end of a pod ends nothing: new pods join. Times on a terminal are this machine's, else UTC.

    Example: poscloud logs api geo -e dac-test -f --since 10m
    """
    import asyncio

    from poscloud.engine.logs import Wanted, show_logs

    wanted = Wanted(tuple(services), follow, since, previous, tail, container, files)
    sys.exit(asyncio.run(show_logs(root(), stack, wanted, _printer(json=json), _output.tell)))


def _printer(*, json: bool) -> Callable[[Sequence[Line]], None]:
    from poscloud.cluster.watching.logs import show

    form = show.as_json if json else show.coloured if _output.colours(sys.stdout) else show.plain
    return lambda lines: _output.say_bytes(form(lines))
