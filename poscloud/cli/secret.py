"""``poscloud secret``: the secret configuration of a stack."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Stack, root

if TYPE_CHECKING:
    from poscloud.engine.secretconfig import Entry

app = typer.Typer(help="Passwords and other secrets of a stack.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Passwords and other secrets of a stack; docs/secrets.md says where each is kept."""


@app.command("list")
def list_(stack: Stack, json: Json = False) -> None:
    """Show which secrets a stack has, which are missing, and whose pods read them; never their values.

    Example: poscloud secret list -s prod
    """
    from poscloud.engine.secretconfig import entries

    found = entries(root(), stack)
    if json:
        _output.write_json({"secrets": [dataclasses.asdict(entry) for entry in found]})
    elif found:
        _output.table([("NAME", "SECRET/KEY", "VALUE", "READ BY"), *map(_row, found)])


@app.command("set")
def set_(
    stack: Stack, name: Annotated[str, typer.Argument(help="As `poscloud secret list` has it.")]
) -> None:
    """Store a secret, encrypted; its value is read from standard input or asked for, never an argument.

    Example: poscloud secret set -s prod registryAuth < config.json
    """
    import getpass
    import sys

    from poscloud.engine.secretconfig import give
    from poscloud.local.progress import ConsoleReporter

    value = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.read()
    entry = give(root(), stack, name, value.removesuffix("\n"), ConsoleReporter())
    _tell(stack, [entry])


@app.command("rotate")
def rotate(
    stack: Stack,
    name: Annotated[str, typer.Argument(help="A secret, or a backing service: all of its passwords.")],
) -> None:
    """Store a new random password; the next `up` restarts the server with it, then the services that use it.

    Example: poscloud secret rotate -s prod mysql
    """
    from poscloud.engine.secretconfig import rotate
    from poscloud.local.progress import ConsoleReporter

    _tell(stack, rotate(root(), stack, name, ConsoleReporter()))


def _row(entry: Entry) -> tuple[str, str, str, str]:
    missing = "missing" if entry.needed else "not set"
    value = "set" if entry.stored else "made by up" if entry.random else missing
    return entry.name, f"{entry.secret}/{entry.key}", value, ", ".join(entry.readers) or "-"


def _tell(stack: str, stored: list[Entry]) -> None:
    for entry in stored:
        _output.tell(f"stored: poscloud:{entry.name} in Pulumi.{stack}.yaml (encrypted)")
    readers = sorted({reader for entry in stored for reader in entry.readers})
    if readers:
        _output.tell(f"the next up restarts: {', '.join(readers)}")
    _output.tell(f"next: poscloud up -s {stack}")
