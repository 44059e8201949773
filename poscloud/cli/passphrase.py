"""``poscloud passphrase``: what the secrets of configuration and state are encrypted with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import root

app = typer.Typer(help="The passphrase that stacks are encrypted with.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The passphrase that stacks are encrypted with."""


@app.command("rotate")
def rotate(
    new: Annotated[
        Path | None, typer.Option("--new", help="File with the new passphrase; else one is made.")
    ] = None,
) -> None:
    """Encrypt configuration and state of every stack with a new passphrase; the old one no longer opens them.

    Cut short, it loses nothing, and is finished by running it again. No stack may be in use meanwhile.

    Example: poscloud passphrase rotate
    """
    from poscloud.engine.rotation import rotate_passphrase
    from poscloud.local.progress import ConsoleReporter

    done = rotate_passphrase(root(), ConsoleReporter(), new)
    _output.say(f"new passphrase: {', '.join(done.done) or 'no stack'}")
    for place in done.left:
        _output.tell(f"not with the new passphrase: {place}")
    if done.use:
        _output.tell(f"from now on: {done.use}")
