"""``poscloud events``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Services, Stack, root


def events(
    stack: Stack,
    services: Services = None,
    warnings: Annotated[bool, typer.Option("--warnings", "-w", help="Only warnings.")] = False,
    last: Annotated[int, typer.Option("--last", help="How many; -1: all.")] = 50,
    json: Json = False,
) -> None:
    """Show what the cluster tells of the pods and volumes of services, the newest last; clusters forget after an hour.

    Example: poscloud events api -e dac-test --warnings
    """
    import asyncio

    from poscloud.cluster.watching.words import clock
    from poscloud.engine import looking

    found = asyncio.run(looking.events(root(), stack, services or [], warnings=warnings))
    shown = found[-last:] if last >= 0 else found
    if json:
        data = [{**vars(event), "seen": event.seen.isoformat()} for event in shown]
        _output.write_json({"environment": stack, "events": data})
        return
    rows = [(clock(e.seen), e.service or "-", f"{e.count}x", e.about, e.reason, e.message) for e in shown]
    for number, line in enumerate(_output.aligned(rows) if rows else ()):
        _output.say(_output.paint(line, "33", sys.stdout) if shown[number].warning else line)
    left = len(found) - len(shown)
    _output.tell(f"{len(shown)} events{f', and {left} older ones: --last -1' if left else ''}")
