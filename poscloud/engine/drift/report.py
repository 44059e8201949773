"""``poscloud drift``: every object of a stack beside the live one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from poscloud.engine.access.members import Team, recorded
from poscloud.engine.drift.compare import compare, in_question
from poscloud.engine.drift.described import Described, described
from poscloud.engine.drift.difference import Compared
from poscloud.engine.drift.live import live_objects
from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.ledger import Ledger
from poscloud.engine.manual.place import Place, refuse_others
from poscloud.engine.manual.pods import still_there
from poscloud.provider.cluster import MANAGER, Cluster
from poscloud.provider.diff import get
from poscloud.provider.hiding import Secrets
from poscloud.provider.rest import ApiError

Object = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What differs between a stack and the cluster.

    Attributes:
        objects: Every object of the stack.
        ledger: The recorded changes by hand.
        secrets: Hides every secret of the stack in texts.
        now: When it was looked at.
        unasked: Objects that were compared as they are written, because this user may not ask for dry runs.
        local: Whether the cluster is the local one.
        teams: Teams with access of which the description does not tell all.
    """

    objects: list[Compared]
    ledger: list[Entry]
    secrets: Secrets
    now: datetime
    unasked: int = 0
    local: bool = False
    teams: Sequence[Team] = ()

    @property
    def shown(self) -> list[Compared]:
        """The objects that differ, those of a component together."""
        found = [each for each in self.objects if each.state != "same"]
        order = list(dict.fromkeys(each.described.component for each in found))
        return sorted(found, key=lambda each: order.index(each.described.component))

    @property
    def drifted(self) -> list[Compared]:
        """The objects with which somebody did something that nobody recorded."""
        return [each for each in self.objects if each.is_drift]

    @property
    def way_back(self) -> str:
        """The options of the command that puts the stack's values back."""
        return "--revert" if self.local else "--revert --yes"

    @property
    def due(self) -> list[Entry]:
        """The recorded changes whose end has passed."""
        return [entry for entry in self.ledger if entry.is_due(self.now)]


def drift(place: Place, *, ignored: Collection[str] = (), now: datetime | None = None) -> Report:
    """Compare a stack with the cluster; nothing is written.

    Args:
        place: Where it is.
        ignored: Field managers whose additions are no drift.
        now: The time at which recorded changes are over; by default this moment.

    Raises:
        AuthError: The passphrase is not the stack's, or this user may not list what the stack has.
        DeployError: The state cannot be read, or the namespace is not there or not this stack's.
        PosCloudError: The cluster does not answer.
    """
    found = described(place.pulumi, place.stack)
    return asyncio.run(look(place, found, ignored, now or datetime.now(UTC)))


async def look(place: Place, found: list[Described], ignored: Collection[str], now: datetime) -> Report:
    """The same, with the stack's objects as they are described, and within an event loop."""
    cluster, unasked = place.cluster(), [0]
    await refuse_others(place, cluster)
    live, ledger, teams = await asyncio.gather(
        live_objects(cluster, found),
        Ledger(cluster, place.stack).read(),
        recorded(cluster, place.stack, place.mark),
    )
    ledger = await still_there(cluster, place.stack, ledger)
    secrets = _secrets(found, live.values())

    async def compared(each: Described) -> Compared:
        there, result = live.get(each.key), None
        if there and not get(there, "metadata", "deletionTimestamp") and in_question(each, there):
            result = await _applied(cluster, each, there, unasked)
        return compare(each, there, result, ignored).beside(ledger)

    wanted = [each for each in found if each.key in live or not _goes_by_itself(each)]
    objects = list(await asyncio.gather(*map(compared, wanted)))
    return Report(objects, ledger, secrets, now, unasked[0], place.target.local, teams)


async def _applied(cluster: Cluster, each: Described, live: Object, unasked: list[int]) -> Object | None:
    """Return what the server would make of an object if the stack's values were applied; ``None``: it refuses that."""
    uid = str(get(live, "metadata", "uid", default=""))
    try:
        return await cluster.apply(each.inputs, each.manager or MANAGER, uid=uid, force=True, dry_run=True)
    except ApiError as error:
        unasked[0] += error.status == 403
        return None


def _goes_by_itself(each: Described) -> bool:
    """Whether Kubernetes removes the object when it is done."""
    return get(each.inputs, "spec", "ttlSecondsAfterFinished") is not None


def _secrets(found: list[Described], live: Collection[Object]) -> Secrets:
    secrets = Secrets()
    for each in found:
        secrets.learn(each.inputs, each.mask)
    for obj in live:
        if obj.get("kind") == "Secret":
            secrets.learn(obj.get("data") or {})
    return secrets
