"""``poscloud scale`` and ``poscloud restart``: changes by hand that are recorded before they are made."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poscloud.cluster.watching.selection import selected
from poscloud.engine.drift.described import Described, described
from poscloud.engine.environments.asked import owner
from poscloud.engine.environments.expiry import written
from poscloud.engine.manual.asked import begin, end_of
from poscloud.engine.manual.asleep import REPLICAS
from poscloud.engine.manual.entry import Change, Entry
from poscloud.engine.manual.fields import set_fields
from poscloud.engine.manual.ledger import Ledger, without
from poscloud.engine.manual.place import Place, refuse_others
from poscloud.engine.manual.workload import KINDS, live_workload, refuse_autoscaled, workload_of
from poscloud.engine.manual.write import recorded, wait
from poscloud.errors import PosCloudError, UsageError
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.render.names import RESTARTED_ANNOTATION

First = Callable[[Place, Cluster], Awaitable[None]]

RESTARTED = ("spec", "template", "metadata", "annotations", RESTARTED_ANNOTATION)


def scale(
    root: Path, stack: str, service: str, count: int, reporter: Reporter, *, lasts: str, why: str, yes: bool
) -> str:
    """Give a service another number of pods, record it, and wait until they are ready; return what was done.

    Args:
        root: The project's folder.
        stack: The environment.
        service: A service, a backing service, or one track of a release; or several services, ``api-geo``, one
            after the other.
        count: The number; the stack's own ends an earlier change.
        reporter: Shows progress.
        lasts: For how long, ``2h``; empty: until the next ``up``.
        why: The reason.
        yes: It may be production.

    Raises:
        PosCloudError: There is no such service, an autoscaler scales it, it is production, or the environment is not
            this stack's; nothing was changed.
        WaitTimeoutError: It was scaled, and is not ready.
    """
    if count < 0:
        raise PosCloudError(
            f"{count} is no number of pods", hint=f"0 or more: poscloud scale {service} 0 -s {stack} …"
        )
    until = end_of(lasts)
    place = begin(root, stack, reporter, yes=yes)
    found = described(place.pulumi, stack, secrets=False)
    done = []
    for workload in [workload_of(found, name, stack) for name in _several(found, service, stack)]:
        new = _entry("scale", workload, root, REPLICAS, count, why)
        done.append(asyncio.run(_scale(place, workload, replace(new, until=until), reporter)))
    return "\n".join(done)


def _several(found: Sequence[Described], text: str, stack: str) -> list[str]:
    """Return the services that ``text`` means; itself where that cannot be told, for a better message."""
    known = {name for each in found if each.kind in KINDS for name in (each.component, each.name)}
    try:
        return selected([text], known, stack)
    except UsageError:
        return [text]


def restart(
    root: Path,
    stack: str,
    service: str,
    reporter: Reporter,
    *,
    why: str,
    yes: bool,
    action: str = "restart",
    first: First | None = None,
) -> str:
    """Have all pods of a service made anew, a few at a time, record it, and wait; return what was done.

    Arguments and errors as of ``scale``.

    Args:
        root: The project's folder.
        stack: The environment.
        service: A service, a backing service, or one track of a release.
        reporter: Shows progress.
        why: The reason.
        yes: It may be production.
        action: What is recorded.
        first: What is done before anything is changed, when it is sure that it may be; what it raises ends it.
    """
    place, workload = _begin(root, stack, service, reporter, yes=yes)
    new = _entry(action, workload, root, RESTARTED, written(datetime.now(UTC)), why)
    return asyncio.run(_restart(place, workload, replace(new, reverts=False), reporter, first))


def _begin(root: Path, stack: str, service: str, reporter: Reporter, *, yes: bool) -> tuple[Place, Described]:
    place = begin(root, stack, reporter, yes=yes)
    return place, workload_of(described(place.pulumi, stack, secrets=False), service, stack)


def _entry(
    action: str, workload: Described, root: Path, path: tuple[str, ...], after: Any, why: str
) -> Entry:
    return Entry(
        action=action,
        api_version=str(workload.inputs["apiVersion"]),
        kind=workload.kind,
        name=workload.name,
        changes=(Change(path, None, after),),
        who=owner(os.environ, root),
        why=why,
        at=datetime.now(UTC).replace(microsecond=0),
    )


async def _scale(place: Place, workload: Described, new: Entry, reporter: Reporter) -> str:
    cluster = place.cluster()
    await refuse_others(place, cluster)
    live = await live_workload(cluster, workload, place.stack)
    await refuse_autoscaled(cluster, workload)
    stated = get(workload.inputs, *REPLICAS, default=1)
    ledger = Ledger(cluster, place.stack)
    earlier = next((entry for entry in await ledger.read() if entry.key == new.key), None)
    before = earlier.changes[0].before if earlier else get(live, *REPLICAS)
    count = new.changes[0].after
    if count == stated:
        live = await set_fields(cluster, live, {REPLICAS: stated}, workload.manager)
        await ledger.write(without(*([earlier] if earlier else [])))
        done = f"{new.object} has {stated} replicas, as the stack says"
    else:
        entry = replace(new, changes=(Change(REPLICAS, before, count),))
        live = await recorded(cluster, ledger, live, entry, earlier)
        done = str(entry)
    await wait(cluster, live, done, reporter)
    return done


async def _restart(
    place: Place, workload: Described, new: Entry, reporter: Reporter, first: First | None = None
) -> str:
    cluster = place.cluster()
    await refuse_others(place, cluster)
    live = await live_workload(cluster, workload, place.stack)
    if first:
        await first(place, cluster)
    ledger = Ledger(cluster, place.stack)
    earlier = next((entry for entry in await ledger.read() if entry.key == new.key), None)
    entry = replace(new, changes=(replace(new.changes[0], before=get(live, *RESTARTED)),))
    live = await recorded(cluster, ledger, live, entry, earlier)
    await wait(cluster, live, str(entry), reporter)
    return str(entry)
