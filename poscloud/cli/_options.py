"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poscloud.engine.stackconfig import project_root


def complete_stack(incomplete: str) -> list[str]:
    """Return the stacks that begin with what was typed."""
    from poscloud.errors import PosCloudError
    from poscloud.load.stacks import known_stacks

    try:
        return [s for s in known_stacks(project_root(Path.cwd())) if s.startswith(incomplete)]
    except PosCloudError:
        return []


def root() -> Path:
    """Return the project's folder: the nearest one at or above the current folder with a Pulumi.yaml."""
    return project_root(Path.cwd())


Stack = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        help="The environment, stacks/NAME.yaml.",
        envvar="POSCLOUD_STACK",
        autocompletion=complete_stack,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DiscardLogs = Annotated[
    bool, typer.Option("--discard-logs", help="Keep no logs, and nothing else either, of what is deleted.")
]
Json = Annotated[bool, typer.Option("--json", help="Print machine-readable output.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Do not ask the stores whether the jars of services exist.")
]
