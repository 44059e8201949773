"""``poscloud reinit-mysql``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import NamedStack, root

if TYPE_CHECKING:
    from poscloud.engine.database.found import Found


def reinit_mysql(
    stack: NamedStack,
    service: Annotated[str, typer.Argument(help="Which MySQL; by default the only one.")] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show what is there, and what would be run.")
    ] = False,
    confirm: Annotated[
        str,
        typer.Option("--confirm", metavar="NAME", help="The environment's name again: do not ask for it."),
    ] = "",
) -> None:
    """Drop all databases of a MySQL, and make them anew from the description and its initial SQL, in order.

    First all of it is stored where archives go, and read back. Shows which SQL is new or changed since the last time,
    then asks for the environment's name. A run that was killed is simply done again.

    Example: poscloud reinit-mysql -s dac-test --confirm dac-test
    """
    from poscloud.engine.database.reinit import reinit
    from poscloud.local.progress import ConsoleReporter

    if not preview and not confirm and not sys.stdin.isatty():
        from poscloud.errors import UsageError

        raise UsageError(
            f"all data of the MySQL of {stack} would be gone; nothing was done",
            hint=f"if it is meant: --confirm {stack}; to look first: --preview",
        )
    done = reinit(
        root(), stack, service, ConsoleReporter(), lambda found: _asked(found, stack, preview, confirm)
    )
    if done:
        _output.say(done)


def _asked(found: Found, stack: str, preview: bool, confirm: str) -> bool:
    from poscloud.engine.database.reinit import lines, refuse_unconfirmed

    for line in lines(found):
        _output.say(line)
    if preview:
        return False
    if not confirm:
        _output.tell("all that is in these databases goes; what it was is stored first")
        confirm = typer.prompt(f"to go on, type the environment's name ({stack})", err=True)
    refuse_unconfirmed(stack, confirm)
    return True
