"""``poscloud release``: which versions a stack's file says run, and edits of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Stack, complete_service, root

if TYPE_CHECKING:
    from poscloud.engine.releases import Edit

app = typer.Typer(help="Blue-green and canary releases of a stack's services.", no_args_is_help=True)

Service = Annotated[str, typer.Argument(help="The service's name.", autocompletion=complete_service)]


@app.callback()
def group() -> None:
    """Blue-green and canary releases of a stack's services."""


@app.command("status")
def status(stack: Stack, json: Json = False) -> None:
    """Show how each service of a stack is released, as its file says; no cluster is asked.

    Example: poscloud release status -s prod
    """
    from poscloud.engine.description import load_checked
    from poscloud.spec.release import releases

    spec = load_checked(root(), stack)
    released = releases(spec)
    rows = {name: released.get(name, f"rolling, {part.version}") for name, part in spec.services.items()}
    if json:
        _output.write_json({"releases": rows})
    else:
        for name, text in rows.items():
            _output.say(f"{name}: {text}")


@app.command("promote")
def promote(stack: Stack, service: Service) -> None:
    """Write into the stack's file that the version beside the live one is live now.

    Nothing happens in the cluster before the next `up`. With blue-green a second promote goes back.

    Example: poscloud release promote -s prod dac-web
    """
    from poscloud.engine import releases

    _tell(stack, service, releases.promote(root(), stack, service))


@app.command("abort")
def abort(stack: Stack, service: Service) -> None:
    """Take the version beside the live one out of the stack's file.

    Nothing happens in the cluster before the next `up`, which deletes that version's pods.

    Example: poscloud release abort -s prod dac-web
    """
    from poscloud.engine import releases

    _tell(stack, service, releases.abort(root(), stack, service))


def _tell(stack: str, service: str, edit: Edit) -> None:
    from poscloud.spec.release import summary

    for line in edit.lines:
        _output.say(f"{edit.file}: {line}")
    _output.say(f"{service}: {summary(edit.service)}")
    _output.tell(f"next: poscloud preview -s {stack}, then poscloud up -s {stack}")
