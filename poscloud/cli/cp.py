"""``poscloud cp``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Container, Stack, Yes, complete_pod_path, root


def cp(
    source: Annotated[
        str,
        typer.Argument(help="SERVICE:PATH in a pod, or a path here.", autocompletion=complete_pod_path),
    ],
    target: Annotated[
        str,
        typer.Argument(
            help="A path here, or SERVICE:PATH; a folder gets it under its name.",
            autocompletion=complete_pod_path,
        ),
    ],
    stack: Stack,
    container: Container = "",
    lasts: Annotated[
        str,
        typer.Option(
            "--for", help="Into a pod: for how long it stays: 90m, 2h; without it, until the next up."
        ),
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", help="Into a pod: why; it is recorded.")
    ] = "no reason given",
    yes: Yes = False,
) -> None:
    """Copy a file or folder out of a ready pod of a service, or into it; says which pod. All of it arrives, or nothing.

    What is copied into a pod is recorded as a `poscloud shell` is, and its end replaces the pod.

    Example: poscloud cp dac-task:/home/deploy/logs/dac-task.log . -e wbyh-stage
    """
    from poscloud.engine.manual.copying import copy, read
    from poscloud.engine.manual.visit import Wanted
    from poscloud.local.progress import ConsoleReporter

    what = read(source, target)
    wanted = Wanted("cp", (), container, recorded=what.into, lasts=lasts, why=reason, yes=yes)
    copy(root(), stack, what, ConsoleReporter(), _output.tell, wanted)
