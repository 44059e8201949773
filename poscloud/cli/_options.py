"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.engine.stackconfig import project_root


def complete_stack(incomplete: str) -> list[str]:
    """Return the stacks that begin with what was typed."""
    from poscloud.errors import PosCloudError
    from poscloud.load.stacks import known_stacks

    try:
        return [s for s in known_stacks(project_root(Path.cwd())) if s.startswith(incomplete)]
    except PosCloudError:
        return []


def complete_service(context: typer.Context, incomplete: str) -> list[str]:
    """Return the services that begin with what was typed, of the environment that is named or the default."""
    from poscloud.engine.chosen import default_environment
    from poscloud.errors import PosCloudError
    from poscloud.load.skim import part_names

    try:
        folder = root()
        stack = context.params.get("stack") or default_environment(folder).name
    except PosCloudError:
        return []
    return sorted(name for name in part_names(folder, stack) or () if name.startswith(incomplete))


def complete_pod_path(context: typer.Context, incomplete: str) -> list[str]:
    """Return the services, as the beginning of ``SERVICE:PATH``; the shell itself knows files."""
    return [f"{name}:" for name in complete_service(context, incomplete)]


def root() -> Path:
    """Return the project's folder: the nearest one at or above the current folder with a Pulumi.yaml."""
    return project_root(Path.cwd())


def default_stack() -> str:
    """Return the environment that is meant where none is named; on a terminal, say which and why."""
    from poscloud.engine.chosen import default_environment

    if "_POSCLOUD_COMPLETE" in os.environ:  # a shell asks how the line may go on; nobody reads a message
        return ""
    found = default_environment(root())
    if sys.stderr.isatty():
        _output.tell(f"environment {found.name} (from {found.source})")
    return found.name


STACK_NAMES = ("--stack", "-s", "--env", "-e")
"""An environment is a stack; who knows no Pulumi says the first."""

Stack = Annotated[
    str,
    typer.Option(
        *STACK_NAMES,
        help="The environment, stacks/NAME.yaml; by default that of POSCLOUD_STACK, else yours, else the project's "
        "(docs/watching.md). Production has to be named.",
        default_factory=default_stack,
        show_default=False,
        autocompletion=complete_stack,
    ),
]
NamedStack = Annotated[
    str,
    typer.Option(
        *STACK_NAMES,
        help="The environment, stacks/NAME.yaml; it has to be named.",
        envvar="POSCLOUD_STACK",
        autocompletion=complete_stack,
    ),
]
Services = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SERVICE",
        help="Which services; by default all of them. Old form: api-geo.",
        show_default=False,
        autocompletion=complete_service,
    ),
]
SomeServices = Annotated[
    list[str],
    typer.Argument(
        metavar="SERVICE", help="Which services. Old form: api-geo.", autocompletion=complete_service
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]
Container = Annotated[
    str, typer.Option("--container", "-c", help="The container; by default the service's own.")
]
OneService = Annotated[
    str,
    typer.Argument(
        help="The service, or one track of its release: web-blue.",
        show_default=False,
        autocompletion=complete_service,
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
