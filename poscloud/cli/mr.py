"""``poscloud mr``: what a merge request changes of a running environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from poscloud.cli import _output
from poscloud.cli._options import Stack, root

app = typer.Typer(help="Previews in merge requests.", no_args_is_help=True)
baseline = typer.Typer(help="What merge requests are compared with.", no_args_is_help=True)
app.add_typer(baseline, name="baseline")


@app.callback()
def group() -> None:
    """Previews in merge requests; docs/merge-requests.md walks through them."""


@baseline.callback()
def baseline_group() -> None:
    """What merge requests are compared with: the last `up`, with every value as a keyed hash."""


@app.command("preview")
def preview(
    stack: Stack,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the comment's Markdown.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="File for all of it as data: the job's artifact.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1000, help="Characters the comment may have; by default any.")
    ] = None,
    forge: Annotated[
        Literal["auto", "none"],
        typer.Option("--forge", help="auto: in a CI job, write the comment into its merge request."),
    ] = "none",
) -> None:
    """Show what this checkout changes of what runs, and how bad that is; no cluster, engine or passphrase is needed.

    Exit code 1 when data would be lost. POSCLOUD_BASELINE_KEY is the key that `up` published the baseline with.

    Example: poscloud mr preview -s wbyh-stage --output preview.md --json preview.json
    """
    import os
    import sys

    from poscloud.engine.mergerequest import preview as previews
    from poscloud.engine.mergerequest.figures import headline

    comparison = previews.preview(root(), stack)
    found = previews.posted(comparison, os.environ) if forge == "auto" else None
    found = found or previews.written(comparison, limit or sys.maxsize)
    if json:
        _output.write_json_file(json, previews.as_data(found))
    if output:
        _output.write_file(output, previews.whole(found, limit or sys.maxsize))
        _output.say(headline(found.comparison))
    else:
        _output.say(found.comment.removesuffix("\n"))
    if found.url:
        _output.tell(f"the comment: {found.url}")
    if found.blocked:
        raise previews.blocked_error(found.blocked, posted=bool(found.url))


@baseline.command("publish")
def publish(stack: Stack) -> None:
    """Publish this checkout's description as what runs; `poscloud up` does that by itself.

    Use it after a plain `pulumi up`, or when publishing failed: from the revision that is deployed.

    Example: poscloud mr baseline publish -s wbyh-stage
    """
    from poscloud.engine.mergerequest.publish import publish

    _output.say(f"published: {publish(root(), stack)}")
