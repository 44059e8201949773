"""``poscloud node-guard``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json


def node_guard(
    config: Annotated[Path, typer.Option("--config", help="Its settings, JSON.", envvar="NODE_GUARD_CONFIG")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Restart nothing, whatever the settings say.")
    ] = False,
    context: Annotated[
        str,
        typer.Option(
            "--context", help="Context of the kubeconfig; by default its current one, or the pod's."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Look at all nodes once: tell what is overloaded, and restart what takes most memory there if settings say so.

    A service of kind `node-guard` runs it by the clock. Exit code 1 where people could not be told.

    Example: poscloud node-guard --config node-guard.json --dry-run
    """
    from poscloud.cluster.nodeguard.command import look

    found = look(config, dry_run=dry_run, context=context)
    if json:
        events = [event.as_data() for event in found.events]
        _output.write_json(
            {
                "nodes": found.nodes,
                "dry_run": found.dry,
                "restarted": [pod.id for pod in found.restarted],
                "events": events,
            }
        )
    else:
        for event in found.events:
            _output.say(str(event))
        many = "dry run, nothing is restarted" if found.dry else f"{len(found.restarted)} pods restarted"
        _output.tell(f"{found.nodes} nodes, {len(found.events)} to tell; {many}")
    if found.unkept:
        _output.tell(f"it is told again at the next look: {found.unkept}")
    for error in found.untold:
        _output.show_error(error)
    sys.exit(1 if found.untold else 0)
