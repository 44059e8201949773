"""``poscloud up``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli._options import Offline, Stack, Yes, root

Refresh = Annotated[
    bool,
    typer.Option("--refresh", help="Look first at what there is; what was deleted by hand is made anew."),
]


def up(stack: Stack, yes: Yes = False, offline: Offline = False, refresh: Refresh = False) -> None:
    """Bring an environment up; a second run does only what is left to do.

    Installs what is missing, starts the local cluster unless the stack names another one
    (poscloud:context), and runs `pulumi up`.

    Example: poscloud up -s wbyh-stage
    """
    import sys

    from poscloud.engine import deploy
    from poscloud.local.progress import ConsoleReporter

    sys.exit(deploy.up(root(), stack, ConsoleReporter(), yes=yes, offline=offline, refresh=refresh))
