"""Changes by hand whose time is over: put back to what the stack says, if they are still as they were recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from poscloud.engine.drift.described import Described
from poscloud.engine.inventory import Key
from poscloud.engine.manual.asleep import asleep, environment_sleeps
from poscloud.engine.manual.entry import DELETE, POD, Change, Entry
from poscloud.engine.manual.fields import set_fields
from poscloud.engine.manual.ledger import Ledger, instead, without
from poscloud.engine.manual.pods import end_of_pod
from poscloud.errors import DeployError, PosCloudError
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get

Object = dict[str, Any]


class NotEndedError(DeployError):
    """Some changes by hand could not be ended; the others were.

    Args:
        failed: Each of them, and why.
        done: What was done with the others, a line for each.
    """

    def __init__(self, failed: Sequence[tuple[Entry, PosCloudError]], done: Sequence[str]) -> None:
        told = "; ".join(f"{entry.object}, {entry.action} by {entry.who}: {why}" for entry, why in failed)
        hints = dict.fromkeys(why.hint for _, why in failed if why.hint)
        super().__init__(f"changes by hand that could not be ended: {told}", hint="\n  ".join(hints))
        self.done = list(done)


async def put_back(
    cluster: Cluster,
    namespace: str,
    found: Sequence[Described],
    now: datetime,
    *,
    before_up: Sequence[Entry] = (),
) -> list[str]:
    """End the recorded changes of an environment whose time is over, and return what was done, a line for each.

    Nothing while it sleeps: the numbers of pods are nobody's until it wakes. What is recorded of a pod that is gone
    ends whenever this is asked.

    Args:
        cluster: Its cluster.
        namespace: Its namespace.
        found: The stack's objects.
        now: The time at which changes are over.
        before_up: What was recorded before an ``up`` that has just ended: what of it has no end is over as well, and
            what the ``up`` changed is forgotten. What was recorded during it stays until the next one.

    Raises:
        NotEndedError: Some of them could not be ended; the others were.
        PosCloudError: The cluster does not answer, or refuses to say what is recorded.
    """
    ledger, stack = Ledger(cluster, namespace), {each.key: each for each in found}
    lines: list[str] = []
    failed: list[tuple[Entry, PosCloudError]] = []
    ending = [e for e in await ledger.read() if e in before_up or e.is_due(now) or e.kind == POD]
    if not ending or await environment_sleeps(cluster, namespace):
        return lines
    for entry in ending:
        over = entry.is_due(now) or (entry in before_up and entry.until is None)
        try:
            if entry.kind == POD:
                left, told = await end_of_pod(cluster, namespace, entry, over=over)
            else:
                left, told = await _end(cluster, namespace, entry, stack, over=over)
            lines += told
            if left is not entry:
                await ledger.write(instead(entry, left) if left else without(entry))
        except PosCloudError as error:
            failed.append((entry, error))  # one of them keeps none of the others
    if failed:
        raise NotEndedError(failed, lines)
    return lines


async def end_now(
    cluster: Cluster, namespace: str, entry: Entry, described: Described
) -> tuple[Entry | None, list[str]]:
    """End one recorded change of a workload before its time; the same as for what is over."""
    return await _end(cluster, namespace, entry, {described.key: described}, over=True)


async def _end(
    cluster: Cluster, namespace: str, entry: Entry, stack: Mapping[Key, Described], *, over: bool
) -> tuple[Entry | None, list[str]]:
    """Put one change back if it is ``over``; return what is left of its entry, and what is told."""
    named = {"name": entry.name, "namespace": namespace}
    live = await cluster.get({"apiVersion": entry.api_version, "kind": entry.kind, "metadata": named})
    if entry.action == DELETE:
        said = f"there again; over is: {entry.why} ({entry.who})" if live else "described no longer, and gone"
        return None, [f"{entry.object}: {said}"]
    if live is None:
        return None, [f"{entry.object} is gone; so is the record of what {entry.who} did with it"]
    if asleep(live):
        return entry, []  # its number of pods is nobody's until it wakes
    if not entry.reverts:
        return (None if over else entry), []
    described = stack.get((entry.kind, f"{namespace}/{entry.name}"))
    inputs = described.inputs if described else {}
    fields = [(change, get(live, *change.path), get(inputs, *change.path)) for change in entry.changes]
    if entry.versions and all(value != change.after and value == stated for change, value, stated in fields):
        return None, [
            f"{entry.object}: the stack says another version now than {entry.versions[1]}; the record ends"
        ]
    told = [line for field in fields if (line := _ended(entry, *field))]
    mine = [(change, stated) for change, value, stated in fields if value == change.after != stated]
    left = tuple(change for change, _ in mine)
    if not mine:
        return None, told or [
            f"{entry.object}: the stack itself says {_meant(entry)} now, so the record ends"
        ]
    if not over:
        return (entry if left == entry.changes else replace(entry, changes=left)), told
    known = [(change, stated) for change, stated in mine if stated is not None or change.before is None]
    if described and known:
        await set_fields(cluster, live, {change.path: stated for change, stated in known}, described.manager)
        told += [
            f"{entry.object}: {_back(entry, known)}, as the stack says; over is: {entry.why} ({entry.who})"
        ]
    for change, _ in mine if not described else [each for each in mine if each not in known]:
        told += [
            f"{entry.object}: the stack says nothing of {change.field} any more; it stays {change.after}"
        ]
    return None, told


def _ended(entry: Entry, change: Change, value: Any, stated: Any) -> str:
    """Return why the record of one field ends without its being put back; empty where it does not."""
    if value != change.after:
        says = ", as the stack says" if value == stated else ""
        return (
            f"{entry.object}: {change.field} is {value}{says}, and no longer {change.after} as {entry.who} set it: "
            "it is left so, and the record ends"
        )
    if value == stated and not entry.versions:
        return f"{entry.object}: the stack itself says {change.field} {value} now, so the record ends"
    return ""


def _meant(entry: Entry) -> str:
    return f"version {entry.versions[1]}" if entry.versions else ", ".join(c.field for c in entry.changes)


def _back(entry: Entry, mine: Sequence[tuple[Change, Any]]) -> str:
    """Return what is put back, in a few words."""
    if entry.versions and len(mine) == len(entry.changes):
        return f"version {entry.versions[1]} → {entry.versions[0]}"
    return ", ".join(f"{change.field} {change.after} → {stated}" for change, stated in mine)
