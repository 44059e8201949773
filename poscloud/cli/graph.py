"""``poscloud graph``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Stack, root


class Format(StrEnum):
    """How the picture is written."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"
    HTML = "html"


def graph(
    stack: Stack,
    form: Annotated[Format, typer.Option("--format", help="How it is written to stdout.")] = Format.TEXT,
    state: Annotated[
        bool,
        typer.Option("--state/--no-state", help="Ask the cluster how each is; without, the file is enough."),
    ] = True,
) -> None:
    """Draw an environment: its services and backing services, how each is, and what each starts after.

    An arrow leads from a service to what it needs. The page of --format html needs nothing else to be looked at.

    Example: poscloud graph -e dac-test --format html > dac-test.html
    """
    from poscloud.cluster.watching.graph import picture, text
    from poscloud.engine.graph import components_of

    write = {
        Format.TEXT: text.as_lines,
        Format.MERMAID: text.as_mermaid,
        Format.SVG: picture.as_svg,
        Format.HTML: picture.as_page,
    }[form]
    _output.say(write(stack, components_of(root(), stack, state=state)).removesuffix("\n"))
