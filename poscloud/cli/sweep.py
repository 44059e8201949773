"""``poscloud sweep``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Stack, root


def sweep(
    stack: Stack,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove them.")] = False,
    data: Annotated[
        bool, typer.Option("--data", help="With --yes: remove unused volume claims too, and their data.")
    ] = False,
) -> None:
    """List what a killed run left and nothing knows any more; with --yes, remove it.

    Leftovers carry this stack's annotation, are in no state and no longer described. Other stacks' objects are never
    touched. Exit code 1 when some are there and were not removed.

    Example: poscloud sweep -s hydra-test --yes
    """
    from poscloud.engine.sweep import sweep
    from poscloud.local.progress import ConsoleReporter

    swept = sweep(root(), stack, ConsoleReporter(), yes=yes, data=data)
    for item in swept.found.objects:
        _output.say(f"{'removed' if item in swept.removed else 'left'}  {item}")
    for item in swept.found.claims:
        _output.say(
            f"{'removed' if item in swept.removed else 'kept'}  {item}  (holds data, nothing uses it)"
        )
    for item in swept.found.awaited:
        _output.say(f"described  {item}  (the next up adopts it)")
    if not swept.is_clean:
        _output.tell(f"to remove what is left: poscloud sweep -s {stack} --yes")
    sys.exit(0 if swept.is_clean else 1)
