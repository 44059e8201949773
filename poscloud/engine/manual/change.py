"""``poscloud scale`` and ``poscloud restart``: changes by hand that are recorded before they are made."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from poscloud.engine.description import may_be_production
from poscloud.engine.drift.described import Described, described
from poscloud.engine.environments.asked import owner
from poscloud.engine.environments.expiry import written
from poscloud.engine.locks import refuse_in_use
from poscloud.engine.manual.asleep import REPLICAS
from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.fields import NotSetError, set_field
from poscloud.engine.manual.ledger import Ledger, with_entry, without
from poscloud.engine.manual.place import Place, place_of, refuse_others
from poscloud.engine.manual.workload import live_workload, refuse_autoscaled, workload_of
from poscloud.errors import PosCloudError, WaitTimeoutError
from poscloud.local.progress import Reporter
from poscloud.provider import byhand
from poscloud.provider.awaiter import Awaiter, NotReadyError
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.provider.rest import ApiError, progress
from poscloud.render.names import RESTARTED_ANNOTATION
from poscloud.spec.lifetime import seconds

Object = dict[str, Any]

RESTARTED = ("spec", "template", "metadata", "annotations", RESTARTED_ANNOTATION)


def scale(
    root: Path, stack: str, service: str, count: int, reporter: Reporter, *, lasts: str, why: str, yes: bool
) -> str:
    """Give a service another number of pods, record it, and wait until they are ready; return what was done.

    Args:
        root: The project's folder.
        stack: The environment.
        service: A service, a backing service, or one track of a release.
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
    until = _end(lasts)
    place, workload = _begin(root, stack, service, reporter, yes=yes)
    new = _entry("scale", workload, root, REPLICAS, count, why)
    return asyncio.run(_scale(place, workload, replace(new, until=until), reporter))


def restart(root: Path, stack: str, service: str, reporter: Reporter, *, why: str, yes: bool) -> str:
    """Have all pods of a service made anew, a few at a time, record it, and wait; return what was done.

    Arguments and errors as of ``scale``.
    """
    place, workload = _begin(root, stack, service, reporter, yes=yes)
    new = _entry("restart", workload, root, RESTARTED, written(datetime.now(UTC)), why)
    return asyncio.run(_restart(place, workload, replace(new, reverts=False), reporter))


def _begin(root: Path, stack: str, service: str, reporter: Reporter, *, yes: bool) -> tuple[Place, Described]:
    place = place_of(root, stack, reporter)
    if not yes and not place.target.local and may_be_production(root, stack):
        raise PosCloudError(f"{stack} is production", hint="if it is meant: the same command with --yes")
    refuse_in_use(place.pulumi.paths, stack)
    return place, workload_of(described(place.pulumi, stack, secrets=False), service, stack)


def _end(lasts: str) -> datetime | None:
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds(lasts)) if lasts else None
    except ValueError as error:
        raise PosCloudError(f"--for: {error}", hint="for example --for 2h") from None


def _entry(
    action: str, workload: Described, root: Path, path: tuple[str, ...], after: Any, why: str
) -> Entry:
    return Entry(
        action=action,
        api_version=str(workload.inputs["apiVersion"]),
        kind=workload.kind,
        name=workload.name,
        path=path,
        before=None,
        after=after,
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
    before = earlier.before if earlier else get(live, *REPLICAS)
    if new.after == stated:
        live = await set_field(cluster, live, REPLICAS, stated, workload.manager)
        await ledger.write(without(*([earlier] if earlier else [])))
        done = f"{new.object} has {stated} replicas, as the stack says"
    else:
        entry = replace(new, before=before)
        live = await _recorded(cluster, ledger, live, entry, earlier)
        done = str(entry)
    await _ready(cluster, live, done, reporter)
    return done


async def _restart(place: Place, workload: Described, new: Entry, reporter: Reporter) -> str:
    cluster = place.cluster()
    await refuse_others(place, cluster)
    live = await live_workload(cluster, workload, place.stack)
    ledger = Ledger(cluster, place.stack)
    earlier = next((entry for entry in await ledger.read() if entry.key == new.key), None)
    entry = replace(new, before=get(live, *RESTARTED))
    live = await _recorded(cluster, ledger, live, entry, earlier)
    await _ready(cluster, live, str(entry), reporter)
    return str(entry)


async def _recorded(
    cluster: Cluster, ledger: Ledger, live: Object, entry: Entry, earlier: Entry | None
) -> Object:
    """Write an entry, then make the change; where that is refused, the ledger is as it was before.

    Without an answer nobody knows whether the change was made. Then the entry stays: its end puts back what there is,
    while a change that nobody recorded would stay for good.
    """
    await ledger.write(with_entry(entry))
    try:
        return await set_field(cluster, live, entry.path, entry.after, byhand.MANAGER)
    except PosCloudError as error:
        if isinstance(error, NotSetError) or (isinstance(error, ApiError) and 400 <= error.status < 500):
            await ledger.write(with_entry(earlier) if earlier else without(entry))
        else:
            unsure = (
                f"whether it was done is not known, so it is recorded: poscloud drift -s {ledger.namespace}"
            )
            error.hint = f"{error.hint}\n  {unsure}" if error.hint else unsure
        raise


async def _ready(cluster: Cluster, live: Object, done: str, reporter: Reporter) -> None:
    progress.set(reporter.update)
    with reporter.step(str(live["metadata"]["name"])):
        try:
            await Awaiter(cluster).ready(live)
        except NotReadyError as error:
            raise WaitTimeoutError(
                f"{done}; but it is not ready: {error.message}", hint="the change stays, and is recorded"
            ) from None
