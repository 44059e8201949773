"""``poscloud report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Stack, root


def report(
    stack: Stack,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; by default NAME-report.html here.")
    ] = None,
    cluster: Annotated[
        bool,
        typer.Option(
            "--cluster/--no-cluster", help="Ask the cluster as well; without, the description is enough."
        ),
    ] = True,
) -> None:
    """Write a page about an environment that can be looked at without any network, and passed on.

    Its graph, each component's description, manifests, outputs, state and findings, capacity by node, and what
    changed last. No secrets are in it. A cluster that does not answer is a note on the page.

    Example: poscloud report -s wbyh-stage -o report.html
    """
    from poscloud.engine.report.make import make_report
    from poscloud.engine.report.writing import as_page

    found = make_report(root(), stack, cluster=cluster)
    page = as_page(found)
    file = out or Path(f"{stack}-report.html")
    _output.write_file(file, page)
    for note in found.notes:
        _output.tell(f"note: {note}")
    _output.tell(f"{file}: {len(found.components)} components, {len(page.encode()) // 1000} kB")
