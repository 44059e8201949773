"""Making a change by hand: recorded first, then written, then waited for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.fields import NotSetError, set_fields
from poscloud.engine.manual.ledger import Ledger, with_entry, without
from poscloud.errors import PosCloudError, WaitTimeoutError
from poscloud.local.progress import Reporter
from poscloud.provider import byhand
from poscloud.provider.awaiter import Awaiter, NotReadyError
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import Path
from poscloud.provider.rest import ApiError, progress

Object = dict[str, Any]


async def recorded(
    cluster: Cluster,
    ledger: Ledger,
    live: Object,
    entry: Entry,
    earlier: Entry | None,
    beside: Mapping[Path, Any] | None = None,
) -> Object:
    """Write an entry, then make the change; where that is refused, the ledger is as it was before.

    Without an answer nobody knows whether the change was made. Then the entry stays: its end puts back what there is,
    while a change that nobody recorded would stay for good.

    Args:
        cluster: Where.
        ledger: The environment's.
        live: The object as it was read.
        entry: What is to be done.
        earlier: The entry it takes the place of.
        beside: Further fields to write, which are not recorded.
    """
    await ledger.write(with_entry(entry))
    values: dict[Path, Any] = {**(beside or {})}
    values.update((change.path, change.after) for change in entry.changes)
    try:
        return await set_fields(cluster, live, values, byhand.MANAGER)
    except PosCloudError as error:
        if isinstance(error, NotSetError) or (isinstance(error, ApiError) and 400 <= error.status < 500):
            await ledger.write(with_entry(earlier) if earlier else without(entry))
        else:
            unsure = (
                f"whether it was done is not known, so it is recorded: poscloud drift -s {ledger.namespace}"
            )
            error.hint = f"{error.hint}\n  {unsure}" if error.hint else unsure
        raise


async def wait(cluster: Cluster, live: Object, done: str, reporter: Reporter) -> None:
    """Wait until a workload that was changed is ready.

    Args:
        cluster: Where.
        live: The workload, as it was answered.
        done: What was done, for the message.
        reporter: Shows what is waited for.

    Raises:
        WaitTimeoutError: It is not; says why, and that the change stays.
    """
    progress.set(reporter.update)
    with reporter.step(str(live["metadata"]["name"])):
        try:
            await Awaiter(cluster).ready(live)
        except NotReadyError as error:
            raise WaitTimeoutError(
                f"{done}; but it is not ready: {error.message}", hint="the change stays, and is recorded"
            ) from None
