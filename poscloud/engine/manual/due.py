"""Changes by hand whose time is over: put back to what the stack says, if they are still as they were recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from poscloud.engine.drift.described import Described
from poscloud.engine.inventory import Key
from poscloud.engine.manual.asleep import asleep, environment_sleeps
from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.fields import set_field
from poscloud.engine.manual.ledger import Ledger, without
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get

Object = dict[str, Any]


async def put_back(
    cluster: Cluster, namespace: str, found: Sequence[Described], now: datetime, *, after_up: bool = False
) -> list[str]:
    """End the recorded changes of an environment whose time is over, and return what was done, a line for each.

    Nothing while it sleeps: the numbers of pods are nobody's until it wakes.

    Args:
        cluster: Its cluster.
        namespace: Its namespace.
        found: The stack's objects.
        now: The time at which changes are over.
        after_up: An ``up`` has just ended: what has no end is over as well, and what the ``up`` changed is forgotten.

    Raises:
        PosCloudError: The cluster does not answer, or refuses.
    """
    ledger, stack = Ledger(cluster, namespace), {each.key: each for each in found}
    lines: list[str] = []
    ending = [entry for entry in await ledger.read() if after_up or entry.is_due(now)]
    if not ending or await environment_sleeps(cluster, namespace):
        return lines
    for entry in ending:
        over = entry.is_due(now) or entry.until is None
        gone, line = await _end(cluster, namespace, entry, stack, over=over)
        if gone:
            await ledger.write(without(entry))
        if line:
            lines.append(line)
    return lines


async def _end(
    cluster: Cluster, namespace: str, entry: Entry, stack: Mapping[Key, Described], *, over: bool
) -> tuple[bool, str]:
    """Put one change back if it is ``over``; return whether its entry goes, and what is told."""
    named = {"name": entry.name, "namespace": namespace}
    live = await cluster.get({"apiVersion": entry.api_version, "kind": entry.kind, "metadata": named})
    if live is None:
        return True, f"{entry.object} is gone; so is the record of what {entry.who} did with it"
    if asleep(live):
        return False, ""  # its number of pods is nobody's until it wakes
    value, described = get(live, *entry.path), stack.get((entry.kind, f"{namespace}/{entry.name}"))
    stated = get(described.inputs, *entry.path) if described else None
    if not entry.reverts:
        return over, ""
    if value != entry.after:
        says = ", as the stack says" if value == stated else ""
        return True, (
            f"{entry.object}: {entry.field} is {value}{says}, and no longer {entry.after} as {entry.who} set it: it is "
            "left so, and the record ends"
        )
    if stated == value:
        return True, f"{entry.object}: the stack itself says {entry.field} {value} now, so the record ends"
    if not over:
        return False, ""
    if described is None or stated is None:
        return True, f"{entry.object}: the stack says nothing of {entry.field} any more; it stays {value}"
    await set_field(cluster, live, entry.path, stated, described.manager)
    return (
        True,
        f"{entry.object}: {entry.field} {value} → {stated}, as the stack says; over is: {entry.why} ({entry.who})",
    )
