"""``poscloud error-logs``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Services, Stack, root

if TYPE_CHECKING:
    from poscloud.cluster.watching.errors.groups import Group

SHOWN = 12


def error_logs(
    stack: Stack,
    services: Services = None,
    since: Annotated[
        str,
        typer.Option("--since", help="How old at most: 10m, 2h. By default 1h; with --new-since, any age."),
    ] = "",
    new_since: Annotated[
        str,
        typer.Option(
            "--new-since",
            help="Only errors of a kind that was not there before: since `deploy`, since a duration ago (30m), or not "
            "in a file that error-logs --json wrote.",
        ),
    ] = "",
    full: Annotated[bool, typer.Option("--full", help="Show the whole stack traces.")] = False,
    json: Json = False,
) -> None:
    """Show the errors in the logs of services, all that are alike as one: how often, first and last, an example.

    Alike are those that differ in times, numbers, ids and addresses only. Before a deploy keep what is known with
    --json; afterwards --new-since FILE shows what is new. Exit code 1 when there are errors.

    Example: poscloud error-logs api -e dac-test --new-since deploy
    """
    import asyncio

    from poscloud.engine.errorlogs import errors_of

    oldest = since or ("" if new_since else "1h")
    found = asyncio.run(errors_of(root(), stack, services or [], oldest, new_since, _output.tell))
    if json:
        errors = [
            {**vars(each), "first": each.first.isoformat(), "last": each.last.isoformat()}
            for each in found.groups
        ]
        _output.write_json({"environment": stack, "lines": found.lines, "errors": errors})
    else:
        for group in found.groups:
            _show(group, full=full)
    kinds, total = len(found.groups), sum(group.count for group in found.groups)
    what = f"{'new ' if new_since else ''}kind{'' if kinds == 1 else 's'} of errors"
    _output.tell(f"{kinds} {what}, {total} in all, in {found.lines} lines")
    sys.exit(1 if found.groups else 0)


def _show(group: Group, *, full: bool) -> None:
    from poscloud.cluster.watching.words import clock

    span = f"{clock(group.first)} – {clock(group.last)}" if group.count > 1 else clock(group.last)
    pods = group.pods[0] if len(group.pods) == 1 else f"{len(group.pods)} pods"
    count = _output.paint(f"{group.count}x", "31", sys.stdout)
    _output.say(f"{count}  {_output.paint(group.service, '1', sys.stdout)}  {group.title}")
    _output.say(f"    {span}  {pods}  [{group.fingerprint}]")
    shown = group.example if full else group.example[:SHOWN]
    for line in shown:
        _output.say(f"    | {line}")
    if left := len(group.example) - len(shown):
        _output.say(f"    | … {left} more lines: --full")
