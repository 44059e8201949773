"""``poscloud sweep``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import DiscardLogs, NamedStack, root


def sweep(
    stack: NamedStack,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove them.")] = False,
    data: Annotated[
        bool,
        typer.Option(
            "--data", help="With --yes: remove what holds data too: unused volume claims, a namespace."
        ),
    ] = False,
    discard_logs: DiscardLogs = False,
) -> None:
    """List what a killed run left and nothing knows any more; with --yes, remove it.

    Leftovers carry this stack's annotation, are in no state and no longer described. Other stacks' objects are never
    touched. Where pods would go, logs are archived first, as by destroy. Exit code 1 when some are there and were not
    removed.

    Example: poscloud sweep -s hydra-test --yes
    """
    from poscloud.engine.sweep import sweep
    from poscloud.local.progress import ConsoleReporter

    swept = sweep(root(), stack, ConsoleReporter(), yes=yes, data=data, discard_logs=discard_logs)
    found = swept.found
    for item in found.objects:
        _output.say(f"{'removed' if item in swept.removed else 'left'}  {item}")
    for item in found.claims:
        _output.say(
            f"{'removed' if item in swept.removed else 'kept'}  {item}  (holds data, nothing uses it)"
        )
    if found.space:
        _output.say(
            f"{'removed' if found.space in swept.removed else 'left'}  {found.space}  (only with --data)"
        )
    for item in found.along:
        _output.say(f"goes with it  {item}")
    if found.unchecked:
        _output.tell(f"unused claims not checked: {found.unchecked}")
    for item in found.awaited:
        _output.say(f"described  {item}  (the next up adopts it)")
    if not swept.is_clean:
        option = " --data" if found.space else ""
        _output.tell(f"to remove what is left: poscloud sweep -s {stack} --yes{option}")
    sys.exit(0 if swept.is_clean else 1)
