"""``poscloud clean``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Reason, Stack, Yes, complete_service, root


def clean(
    service: Annotated[
        str,
        typer.Argument(
            help="The service, or one track of its release: web-blue.", autocompletion=complete_service
        ),
    ],
    stack: Stack,
    folder: Annotated[
        str,
        typer.Option(
            "--in",
            help="The folder with gradlew, in the container; by default its own, then /home/deploy, then "
            "/home/deploy/SERVICE.",
            show_default=False,
        ),
    ] = "",
    container: Annotated[
        str, typer.Option("--container", "-c", help="Another container than the service's own.")
    ] = "",
    reason: Reason = "no reason given",
    yes: Yes = False,
) -> None:
    """Clear what a build left behind (`gradlew clean`) and restart the service; it is recorded.

    If clearing fails, nothing is restarted. Where there is no gradlew, the restart alone clears the pods.

    Example: poscloud clean api -e dac-test --reason "the build broke"
    """
    from poscloud.engine.manual.clean import Wanted
    from poscloud.engine.manual.clean import clean as run
    from poscloud.local.progress import ConsoleReporter

    wanted = Wanted(folder, container, reason, yes)
    _output.say(run(root(), stack, service, ConsoleReporter(), _output.tell, wanted))
