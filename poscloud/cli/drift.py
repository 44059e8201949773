"""``poscloud drift``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Stack, Yes, root

if TYPE_CHECKING:
    from poscloud.engine.drift.report import Report


def drift(
    stack: Stack,
    revert: Annotated[
        bool, typer.Option("--revert", help="Put the stack's values back where nobody recorded the change.")
    ] = False,
    revert_due: Annotated[
        bool, typer.Option("--revert-due", help="Put back recorded changes whose time is over.")
    ] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore-manager",
            help="A field manager whose additions are no drift, as a webhook's; may be given again.",
        ),
    ] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Say what differs between a stack and the cluster, and who did it; writes nothing without --revert….

    Changes by `poscloud scale` and the like are recorded, and shown as such. Exit code 1 when there are others.

    Example: poscloud drift -s wbyh-stage
    """
    from poscloud.engine.drift.command import Wanted, look
    from poscloud.local.progress import ConsoleReporter

    wanted = Wanted(revert=revert, revert_due=revert_due, yes=yes, ignored=tuple(ignore or ()))
    found = look(root(), stack, wanted, ConsoleReporter(), _output.tell)
    _show(stack, found, json=json)
    sys.exit(1 if found.drifted else 0)


def _show(stack: str, found: Report, *, json: bool) -> None:
    from poscloud.engine.drift.words import as_components, lines
    from poscloud.engine.manual.entry import as_data

    if json:
        ledger = [as_data(entry) for entry in found.ledger]
        _output.write_json(
            {
                "drift": bool(found.drifted),
                "components": as_components(found),
                "recorded": ledger,
                "access": [team.as_data() for team in found.teams],
            }
        )
        return
    for line in lines(found):
        _output.say(line)
    for entry in found.ledger:
        _output.say(f"recorded  {entry}")
    for team in found.teams:
        _output.say(f"access    {team}")
    if found.unasked:
        _output.tell(f"compared as written, as this user may not ask for dry runs: {found.unasked} objects")
    if found.due:
        _output.tell(f"the time of {len(found.due)} is over: poscloud drift -s {stack} --revert-due")
    if found.drifted:
        _output.tell(
            f"{len(found.drifted)} of {len(found.objects)} objects are not as the stack says, and nobody recorded why; "
            f"to put the stack's values back: poscloud drift -s {stack} {found.way_back}"
        )
    else:
        _output.tell(
            f"{len(found.objects)} objects are as the stack says{', or as recorded' if found.ledger else ''}"
        )
