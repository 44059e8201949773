"""``poscloud import``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, root

if TYPE_CHECKING:
    from poscloud.imports.importing import Imported

SHOWN = 40
"""Differences that are shown as text; --json has all."""


def import_(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Manifests: files, folders, or - for standard input.", show_default=False),
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option("--stack", "-s", help="The environment's name; by default the manifests' namespace."),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", "-n", help="Import what runs in this namespace; with files, where they are live."
        ),
    ] = None,
    context: Annotated[
        str | None, typer.Option("--context", help="Context of the kubeconfig, with --namespace.")
    ] = None,
    app_list: Annotated[
        Path | None,
        typer.Option(
            "--app-list", help="ENV_app_list.conf of the old scripts; the file is their ENV-base.yml."
        ),
    ] = None,
    extends: Annotated[
        list[str] | None,
        typer.Option("--extends", help="Base of the description, as base/x.yaml; may be given again."),
    ] = None,
    show: Annotated[bool, typer.Option("--print", help="Print the description; write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a description that is there.")] = False,
    json: Json = False,
) -> None:
    """Make a description of manifests, of helm template's output or of a live namespace, and prove it.

    What the description renders is compared with the source. Exit code 0: no difference; 1: the description is written,
    and what is different, or has no component, is listed. With --namespace, a file for pulumi import is written as
    well, and the commands that take over what runs are shown.

    Example: poscloud import manifests/ -s shop; or helm template shop ./chart -n shop | poscloud import - -s shop
    """
    from poscloud.imports.command import Wanted, bring

    wanted = Wanted(tuple(files or ()), stack, namespace, context, app_list, tuple(extends or ()), force)
    result = bring(root(), wanted)
    if not show:
        from poscloud.imports.importing import write

        write(result)
    _show(result, show=show, json=json)
    sys.exit(0 if result.proof.equal and not result.notes else 1)


def _show(result: Imported, *, show: bool, json: bool) -> None:
    from poscloud.imports.words import as_data, lines, summary

    if json:
        _output.write_json({**as_data(result), **({"text": result.text} if show else {})})
        return
    if show:
        _output.say(result.text.removesuffix("\n"))
    for line in lines(result, SHOWN, written=not show):
        _output.tell(line)
    _output.tell(summary(result, written=not show))
