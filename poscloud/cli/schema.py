"""``poscloud schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output


def schema(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write instead of printing.")
    ] = None,
) -> None:
    """Print the JSON Schema of environment files, for editors.

    Example: poscloud schema --out schemas/environment.schema.json
    """
    from poscloud.load import environment_schema

    text = json.dumps(environment_schema(), indent=2)
    if out is None:
        _output.say(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
