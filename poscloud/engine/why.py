"""Why services of an environment are not ready, those too that are not made yet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from poscloud.cluster.watching.namespace import Namespace
from poscloud.cluster.watching.selection import selected
from poscloud.cluster.watching.why.causes import Cause
from poscloud.cluster.watching.why.look import Report, look_at
from poscloud.engine import watching
from poscloud.errors import PosCloudError

RECORD_SECONDS = 5.0
"""How long the record of changes by hand may take; without it the cause is a guess."""


async def reports_of(root: Path, stack: str, names: Sequence[str]) -> list[Report]:
    """Return why each of these services is not ready.

    Raises:
        UsageError: There is no such service.
        PosCloudError: The cluster does not answer, or not to this user.
    """
    namespace = watching.namespace_of(root, stack)
    services = await watching.all_services(root, namespace)
    left = await asyncio.to_thread(watching.unmade, root, stack, services)
    ready = {name for name, service in services.items() if service.is_ready}
    chosen = selected(names, {*services, *left}, stack)
    deleted = await _deleted(namespace, stack) if {*chosen} - services.keys() else {}
    reports = []
    for name in chosen:
        if name in services:
            reports.append(await look_at(namespace, services[name], services))
        else:
            waits = [each for each in left[name][1] if each not in ready]
            reports.append(_unmade(name, stack, waits, deleted.get(name, "")))
    return reports


async def _deleted(namespace: Namespace, stack: str) -> dict[str, str]:
    """Return what was deleted by name, and what is recorded of that, as far as this user may read it."""
    from poscloud.engine.manual.entry import DELETE
    from poscloud.engine.manual.ledger import Ledger
    from poscloud.engine.manual.requests import cluster_of

    try:
        async with asyncio.timeout(RECORD_SECONDS):
            entries = await Ledger(cluster_of(namespace.target), stack).read()
    except (PosCloudError, TimeoutError):
        return {}
    return {entry.name: str(entry) for entry in entries if entry.action == DELETE}


def _unmade(name: str, stack: str, waits: list[str], deleted: str) -> Report:
    if deleted:
        cause = Cause(deleted, f"poscloud create {name} -s {stack}")
    elif waits:
        cause = Cause(
            f"it is made only when {', '.join(waits)} is ready", f"poscloud why {waits[0]} -e {stack}"
        )
    else:
        cause = Cause("the last up did not get to it, or is still under way", f"poscloud up -s {stack}")
    return Report(name, False, "it is described, but not in the cluster", cause, tuple(waits))
