"""``poscloud top``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from poscloud.cli import _output
from poscloud.cli._options import Json, Services, Stack, root

if TYPE_CHECKING:
    from poscloud.cluster.watching.top import Amounts

HEADINGS = ("PODS", "CPU", "OF", "ASKED", "LIMIT", "MEMORY", "OF", "ASKED", "LIMIT")


def top(stack: Stack, services: Services = None, json: Json = False) -> None:
    """Show what services use of CPU and memory, those first that use most memory; of services that are named, each pod.

    OF is the share of the limit. Without a metrics server in the cluster only what is asked for is known.

    Example: poscloud top -e dac-test
    """
    import asyncio

    from poscloud.cluster.watching import words
    from poscloud.engine import looking

    found, why_none = asyncio.run(looking.loads(root(), stack, services or []))
    if json:
        data = [
            {"name": each.name, "pods": each.pods, "cpu": _as_data(each.cpu), "memory": _as_data(each.memory)}
            for each in found
        ]
        _output.write_json({"environment": stack, "unmeasured": why_none or None, "loads": data})
        return
    rows = [("POD" if services else "SERVICE", *HEADINGS)]
    for each in found:
        cpu, memory = _cells(each.cpu, words.cores), _cells(each.memory, words.memory)
        rows.append((each.name, str(each.pods), *cpu, *memory))
    _output.table(rows)
    if why_none:
        _output.tell(f"not measured: {why_none}")


def _cells(amounts: Amounts, form: Any) -> tuple[str, str, str, str]:
    share = amounts.share
    return (
        form(amounts.used) if amounts.used is not None else "-",
        f"{share:.0%}" if share is not None else "-",
        form(amounts.requests),
        form(amounts.limits) if amounts.limits is not None else "-",
    )


def _as_data(amounts: Amounts) -> dict[str, float | None]:
    return {"used": amounts.used, "requests": amounts.requests, "limits": amounts.limits}
