"""``poscloud db``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Stack, root

app = typer.Typer(help="The databases of an environment.", no_args_is_help=True)


@app.callback()
def options() -> None:
    """The databases of an environment."""


@app.command()
def status(
    stack: Stack,
    service: Annotated[str, typer.Argument(help="Which MySQL; by default the only one.")] = "",
    json: Json = False,
) -> None:
    """Show the databases of a MySQL, which initial SQL was run in it, and what of that is new or changed since then.

    Example: poscloud db status -e dac-test
    """
    from poscloud.engine.database.reinit import as_data, lines
    from poscloud.engine.database.reinit import status as look
    from poscloud.local.progress import ConsoleReporter

    found = look(root(), stack, service, ConsoleReporter())
    if json:
        _output.write_json({"environment": stack, **as_data(found)})
        return
    for line in lines(found):
        _output.say(line)
