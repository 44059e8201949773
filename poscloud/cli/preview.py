"""``poscloud preview``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli._options import Stack, root


def preview(
    stack: Stack, diff: Annotated[bool, typer.Option("--diff", help="Show every changed field.")] = False
) -> None:
    """Show what `up` would change; writes nothing to the environment.

    Example: poscloud preview -s wbyh-stage --diff
    """
    import sys

    from poscloud.engine import deploy
    from poscloud.local.progress import ConsoleReporter

    sys.exit(deploy.preview(root(), stack, ConsoleReporter(), diff=diff))
