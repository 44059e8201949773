"""What is deleted by name is recorded with the other changes by hand, until it is there again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from poscloud.cluster.target import Target
from poscloud.engine.environments.asked import owner
from poscloud.engine.manual.entry import DELETE, Entry
from poscloud.engine.manual.ledger import Edit, Ledger, without
from poscloud.engine.manual.requests import cluster_of
from poscloud.engine.named.stated import WORKLOADS, Made
from poscloud.errors import PosCloudError
from poscloud.local.progress import Reporter


def gone(
    target: Target, root: Path, stack: str, objects: Sequence[Made], why: str, reporter: Reporter
) -> None:
    """Record that workloads were deleted; what was recorded of them before ends.

    They are gone already: what goes wrong here is no more than a note.
    """
    who, now = owner(os.environ, root), datetime.now(UTC).replace(microsecond=0)
    entries = [
        Entry(DELETE, each.api_version, each.kind, each.name, (), who, why, now, uid=each.uid or each.urn)
        for each in objects
        if each.kind in WORKLOADS
    ]
    _write(target, stack, lambda before: [*_others(before, {e.object for e in entries}), *entries], reporter)


def back(target: Target, stack: str, before: Sequence[Entry], reporter: Reporter) -> None:
    """Forget of what was told before that workloads were deleted: they are there again."""
    if over := [entry for entry in before if entry.action == DELETE]:
        _write(target, stack, without(*over), reporter)


def _others(entries: Sequence[Entry], objects: Collection[str]) -> list[Entry]:
    return [entry for entry in entries if entry.object not in objects]


def _write(target: Target, stack: str, edit: Edit, reporter: Reporter) -> None:
    async def write() -> None:
        await Ledger(cluster_of(target), stack).write(edit)

    try:
        asyncio.run(write())
    except PosCloudError as error:
        reporter.note(f"it is done, and was not recorded: {error.message}")
