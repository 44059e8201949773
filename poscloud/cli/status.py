"""``poscloud status``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, Services, Stack, root

if TYPE_CHECKING:
    from poscloud.cluster.watching.status import Row, Status

HEADINGS: tuple[str, ...] = ("SERVICE", "KIND", "STATE", "READY", "RESTARTS", "VERSION", "AGE")
GREEN, YELLOW, RED = "32", "33", "31"


def status(
    stack: Stack,
    services: Services = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every two seconds.")] = False,
    json: Json = False,
) -> None:
    """Show how the services of an environment are: pods ready, restarts, version, age, CPU, memory, who waits for whom.

    CPU and memory are what the pods use where the cluster has a metrics server, else what they ask for. AGE is that of
    the newest pod. Exit code 1 when something is not ready. The old get_all is the same.

    Example: poscloud status -e dac-test
    """
    import asyncio

    sys.exit(asyncio.run(_status(stack, services or [], watch=watch, json=json)))


async def _status(stack: str, wanted: list[str], *, watch: bool, json: bool) -> int:
    import asyncio

    from poscloud.engine import watching

    namespace, before = watching.namespace_of(root(), stack), None
    while True:
        found = await watching.status(root(), namespace, wanted)
        if json:
            _output.write_json(_as_data(found))
        else:
            lines = _lines(found)
            if watch and sys.stdout.isatty():
                _output.redraw(lines)
            elif lines != before:
                for line in lines:
                    _output.say(line)
            before = lines
        if not watch:
            return 0 if found.all_ready else 1
        await asyncio.sleep(2)


def _lines(found: Status) -> list[str]:
    """Return the table, and below it what is to be known of it."""
    measured = any(row.measured for row in found.rows)
    amounts = ("CPU", "MEMORY") if measured else ("CPU ASKED", "MEMORY ASKED")
    rows = [(*HEADINGS, *amounts, "WAITS FOR"), *(_row(row, mixed=measured) for row in found.rows)]
    colours = [""] + [_colour(row) for row in found.rows]
    lines = _output.aligned(rows, colour=lambda line, column: colours[line] if column == 2 else "")
    ready = sum(row.state == "ready" for row in found.rows)
    lines.append(f"{found.name}: {ready} of {len(found.rows)} services ready")
    if found.asleep_since:
        lines.append(f"asleep since {found.asleep_since}; to wake it: poscloud env wake {found.name}")
    if found.unmeasured:
        lines.append(f"CPU and memory are what the pods ask for: {found.unmeasured}")
    bad = [row.name for row in found.rows if _colour(row) == RED]
    if bad:
        lines.append(f"why: poscloud why {bad[0]} -e {found.name}")
    return lines


def _row(row: Row, *, mixed: bool) -> tuple[str, ...]:
    from poscloud.cluster.watching import words

    asked = "" if row.measured or not mixed else " asked"
    pods = bool(row.ready or row.wanted)
    return (
        row.name,
        row.kind or "-",
        row.state,
        f"{row.ready}/{row.wanted}",
        str(row.restarts),
        row.version or "-",
        words.duration(row.age),
        f"{words.cores(row.cpu)}{asked}" if pods else "-",
        f"{words.memory(row.memory)}{asked}" if pods else "-",
        ", ".join(row.waits_for) or "-",
    )


def _colour(row: Row) -> str:
    if row.state == "ready":
        return GREEN
    return (
        YELLOW
        if row.state in ("starting", "waits", "updating", "asleep", "no pods wanted", "not made")
        else RED
    )


def _as_data(found: Status) -> dict[str, object]:
    rows = [{**vars(row), "waits_for": list(row.waits_for), "after": list(row.after)} for row in found.rows]
    return {
        "environment": found.name,
        "ready": found.all_ready,
        "asleep_since": found.asleep_since or None,
        "unmeasured": found.unmeasured or None,
        "services": rows,
    }
