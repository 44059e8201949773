"""``poscloud render``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Stack, root


def render(
    stack: Stack,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to write one file a component to.")
    ] = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="With the content of Secrets, in clear text.")
    ] = False,
) -> None:
    """Print an environment's manifests, or write them as files; no cluster is asked.

    With --out, kubectl apply -R -f DIR/NAME works on the result; Secrets are left out of the files. With
    --show-secrets they are in them, and only you can read the files.

    Example: poscloud render -s wbyh-stage --out manifests
    """
    from poscloud.engine.description import describe
    from poscloud.engine.stackconfig import project_name
    from poscloud.render import to_yaml
    from poscloud.render.files import write_files

    project = root()
    if show_secrets:
        from poscloud.engine.secretconfig import rendered

        parts = rendered(project, stack)
    else:
        parts = describe(project, stack, project_name(project)).parts
    if out is None:
        _output.say(to_yaml(m for part in parts for m in part.manifests).removesuffix("\n"))
    else:
        files = write_files(parts, out, show_secrets=show_secrets)
        _output.tell(f"{len(files)} files in {out / stack}")
