"""Changes by hand against a real API server: the ledger, one field written, and the provider that leaves it alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from poscloud.engine.drift.described import Described
from poscloud.engine.manual.due import put_back
from poscloud.engine.manual.entry import Change, Entry
from poscloud.engine.manual.fields import set_fields
from poscloud.engine.manual.ledger import Ledger, with_entry, without
from poscloud.errors import DeployError
from poscloud.provider import byhand
from poscloud.provider.awaiter import Awaiter
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import load
from poscloud.provider.crud import Objects
from poscloud.provider.diff import get
from poscloud.provider.fence import Fence
from poscloud.provider.rest import APPLY, MERGE, Clock
from tests.cluster.manifests import Object, workload

pytestmark = pytest.mark.cluster

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
REPLICAS = ("spec", "replicas")
TWO = (Change(REPLICAS, 0, 2),)


class Shop:
    """A namespace with a Deployment of a stack."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.objects, self.ledger = Objects(cluster, Fence(cluster)), Ledger(cluster, namespace)
        spec = {**workload("web"), "replicas": 0}
        metadata = {"name": "web", "namespace": namespace, "annotations": {}}
        self.inputs: Object = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": spec,
        }
        self.state: Object = {}

    async def make(self) -> None:
        self.state = (await self.objects.create(self.inputs, 0)).outputs

    async def live(self) -> Object:
        return await self.cluster.get(self.inputs) or {}

    async def scale(self, replicas: int, manager: str = byhand.MANAGER) -> None:
        await set_fields(self.cluster, await self.live(), {REPLICAS: replicas}, manager)

    def described(self) -> list[Described]:
        return [Described("urn", "web", self.inputs, False, self.state)]

    def with_replicas(self, replicas: int) -> Object:
        return {**self.inputs, "spec": {**self.inputs["spec"], "replicas": replicas}}

    async def recorded(self, **changes: Any) -> Entry:
        entry = Entry("scale", "apps/v1", "Deployment", "web", TWO, "li", "load", NOON, NOON)
        entry = replace(entry, **changes)
        await self.ledger.write(with_entry(entry))
        return entry

    async def end(self, hours: int = 1, *, after_up: bool = False) -> list[str]:
        now = NOON + timedelta(hours=hours)
        told = await self.ledger.read() if after_up else []
        return await put_back(self.cluster, self.namespace, self.described(), now, before_up=told)


@pytest.fixture
async def shop(kubeconfig: Path) -> AsyncIterator[Shop]:
    cluster = Cluster(load({"kubeconfig": str(kubeconfig)}), Settings(), Clock())
    name = f"by-hand-{uuid.uuid4().hex[:8]}"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await cluster.create(namespace, "test")
    found = Shop(cluster, name)
    await found.make()
    yield found
    await cluster.client.request("DELETE", f"/api/v1/namespaces/{name}")


async def test_there_is_no_ledger_before_the_first_entry(shop: Shop) -> None:
    assert await shop.ledger.read() == []


async def test_writers_at_once_lose_nothing(shop: Shop) -> None:
    names = [f"web-{number}" for number in range(8)]
    await asyncio.gather(*(shop.recorded(name=name) for name in names))
    assert {entry.name for entry in await shop.ledger.read()} == set(names)


async def test_an_entry_takes_the_place_of_one_for_the_same_field(shop: Shop) -> None:
    await shop.recorded(changes=TWO)
    last = await shop.recorded(changes=(Change(REPLICAS, 0, 4),))
    assert await shop.ledger.read() == [last]
    await shop.ledger.write(without(last))
    assert await shop.ledger.read() == []


async def test_a_field_written_by_hand_is_held_by_a_manager_of_its_own(shop: Shop) -> None:
    await shop.scale(2)
    assert byhand.held(await shop.live()) == [REPLICAS]


async def test_a_field_that_somebody_else_just_set_is_left(shop: Shop) -> None:
    before = await shop.live()
    await shop.scale(5)
    with pytest.raises(DeployError, match=r"somebody else just set spec\.replicas to 5; it is left so"):
        await set_fields(shop.cluster, before, {REPLICAS: 2}, byhand.MANAGER)


async def test_what_a_controller_writes_meanwhile_does_not_matter(shop: Shop) -> None:
    before = await shop.live()
    body = {"metadata": {"annotations": {"seen": "1"}}}
    await shop.cluster.client.request("PATCH", await shop.cluster.path(before), {}, body, MERGE)
    live = await set_fields(shop.cluster, before, {REPLICAS: 2}, byhand.MANAGER)
    assert get(live, *REPLICAS) == 2


async def test_an_update_of_something_else_leaves_it(shop: Shop) -> None:
    await shop.scale(2)
    news = {**shop.inputs, "metadata": {**shop.inputs["metadata"], "labels": {"new": "yes"}}}
    await shop.objects.update(news, shop.state, 0, before=shop.inputs)
    live = await shop.live()
    assert (get(live, *REPLICAS), get(live, "metadata", "labels")) == (2, {"new": "yes"})


async def test_an_update_of_that_very_field_takes_it_back(shop: Shop) -> None:
    await shop.scale(2)
    await shop.objects.update(shop.with_replicas(1), shop.state, 0, before=shop.inputs)
    assert get(await shop.live(), *REPLICAS) == 1


async def test_a_conflict_with_anybody_else_is_still_one(shop: Shop) -> None:
    await shop.scale(2, "kubectl-edit")
    with pytest.raises(Exception, match="another field manager owns"):
        await shop.objects.update(shop.with_replicas(1), shop.state, 0, before=shop.inputs)


async def test_a_refresh_takes_it_for_what_is_described(shop: Shop) -> None:
    await shop.scale(2)
    await Awaiter(shop.cluster).ready(await shop.live())
    found = await shop.objects.read(shop.inputs, shop.inputs, shop.state)
    assert found and found.inputs == shop.inputs


async def test_what_is_over_is_put_back_and_is_the_stacks_again(shop: Shop) -> None:
    await shop.recorded()
    await shop.scale(2)
    (line,) = await shop.end()
    live = await shop.live()
    assert (get(live, *REPLICAS), byhand.held(live)) == (0, [])
    assert line == "Deployment web: spec.replicas 2 → 0, as the stack says; over is: load (li)"
    assert await shop.ledger.read() == []
    assert await shop.end() == []


async def test_before_its_end_nothing_happens(shop: Shop) -> None:
    entry = await shop.recorded()
    await shop.scale(2)
    assert await shop.end(hours=-1) == []
    assert (get(await shop.live(), *REPLICAS), await shop.ledger.read()) == (2, [entry])


async def test_what_was_changed_again_is_left_and_told(shop: Shop) -> None:
    await shop.recorded()
    await shop.scale(7)
    assert await shop.end() == [
        "Deployment web: spec.replicas is 7, and no longer 2 as li set it: it is left so, and the record ends"
    ]
    assert (get(await shop.live(), *REPLICAS), await shop.ledger.read()) == (7, [])


async def test_of_what_is_gone_only_the_record_goes(shop: Shop) -> None:
    await shop.recorded(name="other")
    assert await shop.end() == ["Deployment other is gone; so is the record of what li did with it"]
    assert await shop.ledger.read() == []


async def test_what_the_stack_says_by_now_stays(shop: Shop) -> None:
    await shop.recorded(until=NOON + timedelta(days=1))
    await shop.scale(2)
    shop.inputs = shop.with_replicas(2)
    (line,) = await shop.end(after_up=True)
    assert line == "Deployment web: the stack itself says spec.replicas 2 now, so the record ends"


async def test_an_up_ends_what_has_no_end_and_keeps_what_has_one(shop: Shop) -> None:
    await shop.recorded(until=None)
    await shop.scale(2)
    assert await shop.end() == []
    (line,) = await shop.end(after_up=True)
    assert "2 → 0" in line
    kept = await shop.recorded(until=NOON + timedelta(days=1))
    await shop.scale(2)
    assert (await shop.end(after_up=True), await shop.ledger.read()) == ([], [kept])


async def test_what_sleeps_is_looked_at_when_it_wakes(shop: Shop) -> None:
    entry = await shop.recorded()
    metadata = {"name": "web", "namespace": shop.namespace, "annotations": {"poscloud.io/replicas": "2"}}
    asleep = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    query = {"fieldManager": "sleep"}
    await shop.cluster.client.request("PATCH", await shop.cluster.path(asleep), query, asleep, APPLY)
    assert (await shop.end(), await shop.ledger.read()) == ([], [entry])
