"""``poscloud passwd``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Stack, root


def passwd(
    stack: Stack,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Write it into this file too, which only you can read."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print it.")] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Make another one; what was packed before opens with the old one.")
    ] = False,
) -> None:
    """Make the password that an environment's archives are unpacked with, and give it out: as a Secret, as a file.

    The Secret is `unpack`, which the next `up` makes; the password is random, kept encrypted, and not shown
    unless asked for. Where there is one, it stays.

    Example: poscloud passwd -e dac-test --file dac-test.password
    """
    from poscloud.engine.unpacking import KEY, SECRET
    from poscloud.engine.unpacking import passwd as give
    from poscloud.local.progress import ConsoleReporter

    given = give(root(), stack, ConsoleReporter(), new=new, file=file, show=show)
    if given.described:
        _output.tell(f"{given.described} says now: secrets: {{{SECRET}: [{KEY}]}}")
    state = "made" if given.made else "there already, and left (--new makes another one)"
    _output.tell(f"password of {stack}: {state}; encrypted in Pulumi.{stack}.yaml")
    if file:
        _output.tell(f"written to {file}, readable by you only")
    if given.made or given.described:
        _output.tell(f"next: poscloud up -s {stack}; it is then key {KEY} of Secret {SECRET}")
    if show:
        _output.say(given.password)
