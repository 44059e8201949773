"""``poscloud toolchain``."""

from __future__ import annotations

import typer

from poscloud.cli._options import root

app = typer.Typer(help="The engine, the control plane's programs and the provider.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The engine, the control plane's programs and the provider."""


@app.command("install")
def install() -> None:
    """Install what is missing: from PATH, else the official release, else built from Go modules.

    Example: poscloud toolchain install
    """
    from poscloud.engine import deploy
    from poscloud.local.progress import ConsoleReporter

    deploy.install(root(), ConsoleReporter())
