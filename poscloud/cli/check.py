"""``poscloud check``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import STACK_NAMES, Json, complete_stack, default_stack, root

if TYPE_CHECKING:
    from poscloud.engine.preflight.report import Report

OneStack = Annotated[
    str | None,
    typer.Option(
        *STACK_NAMES,
        help="The environment, stacks/NAME.yaml; by default as for other commands.",
        autocompletion=complete_stack,
    ),
]
"""As for other commands, but that ``--explain`` needs none, so that the default is looked for later."""


def check(
    stack: OneStack = None,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Look into the cluster as well: room, ports, hosts, classes.")
    ] = False,
    images: Annotated[
        bool,
        typer.Option(
            "--images",
            help="Ask registries and stores for every image and jar; with --cluster, by architecture.",
        ),
    ] = False,
    kubernetes: Annotated[
        str,
        typer.Option("--kubernetes", help="Version of the cluster, such as 1.29; by default the cluster's."),
    ] = "",
    explain: Annotated[str, typer.Option("--explain", help="Say what a code means, and what mends it.")] = "",
    json: Json = False,
) -> None:
    """Check an environment before anything is touched: everything `validate` says, and what would go wrong later.

    Ports and hosts against other environments, memory and start times, secrets in clear text, deprecated words.
    Exit code 2 when the description is wrong, 1 when it is right and something else is found.

    Example: poscloud check -s wbyh-stage
    """
    from poscloud.engine.preflight.report import check as run
    from poscloud.errors import InputError

    if explain:
        _output.say(_explained(explain))
        return
    stack = stack or default_stack()
    try:
        report = run(root(), stack, kubernetes, cluster=cluster, images=images)
    except InputError as error:
        if json:
            problems = [_output.problem_as_data(p) for p in error.problems]
            _output.write_json({"ok": False, "problems": problems})
        raise
    _show(stack, report, json)


def _show(stack: str, report: Report, json: bool) -> None:
    for note in report.notes:
        _output.tell(f"note: {note}")
    if json:
        _output.write_json(
            {
                "ok": not report.problems,
                "problems": [_output.problem_as_data(p) for p in report.problems],
                "components": report.components,
                "objects": report.objects,
                "notes": report.notes,
            }
        )
    _output.show_problems(report.problems)
    if report.problems:
        sys.exit(1)
    if not json:
        _output.say(f"{stack}: nothing found, {report.components} components, {report.objects} objects")


def _explained(code: str) -> str:
    from poscloud.load.codes import explained

    return explained(code)
