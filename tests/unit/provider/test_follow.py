"""Many waits, one watch: what each gets to know, and what the API server is asked for it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import cast
from urllib.parse import parse_qs

import pytest

from poscloud.provider.cluster import TOGETHER, Cluster, Settings
from poscloud.provider.config import Access
from poscloud.provider.discovery import Resource
from poscloud.provider.follow import Events, Follower, Object
from poscloud.provider.rest import ApiError

from .conftest import Answer, FakeClock, FakeServer, Request, refusal

PATH = "/apis/apps/v1/namespaces/shop/deployments"
SOME = 5.0
"""Seconds after which a test is stuck."""

APPS = {"name": "deployments", "singularName": "", "namespaced": True, "kind": "Deployment", "verbs": ["get"]}


def deployment(name: str, version: int) -> Object:
    metadata = {"name": name, "namespace": "shop", "resourceVersion": str(version)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


def events(*found: tuple[str, Object]) -> Answer:
    lines = (json.dumps({"type": kind, "object": obj}) + "\n" for kind, obj in found)
    return Answer(body="".join(lines).encode())


class Deployments:
    """Answers what is asked about deployments; every watch gets the next answer, and later ones end at once."""

    def __init__(self, server: FakeServer, *watches: Answer) -> None:
        self.listed: list[Object] = []
        self.asked: list[str] = []
        self._watches = list(watches)
        self.refused: Callable[[dict[str, list[str]]], Answer | None] = lambda query: None
        server.answer = self.answer

    def answer(self, request: Request) -> Answer:
        query = parse_qs(request.query)
        if not request.path.startswith(PATH):
            return Answer(body={"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [APPS]})
        if request.path != PATH:
            name = request.path.removeprefix(f"{PATH}/")
            self.asked.append(f"get {name}")
            return Answer(body=next(obj for obj in self.listed if obj["metadata"]["name"] == name))
        what = "watch" if "watch" in query else "list"
        self.asked.append(" ".join((what, *query.get("fieldSelector", []))))
        if refused := self.refused(query):
            return refused
        if what == "watch":
            return self._watches.pop(0) if self._watches else events()
        meta = {"resourceVersion": "90"}
        body = {"kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": meta, "items": self.listed}
        return Answer(body=body)


@pytest.fixture
def cluster(access: Access, clock: FakeClock) -> Cluster:
    return Cluster(access, Settings(), clock)


async def changed(queue: Events) -> Object:
    found = await asyncio.wait_for(queue.get(), SOME)
    assert isinstance(found, dict), found
    return found


async def test_many_are_followed_by_one_watch(server: FakeServer, cluster: Cluster) -> None:
    names = [f"app-{number}" for number in range(20)]
    told = [("MODIFIED", deployment(name, 50 + number)) for number, name in enumerate(names)]
    deployments, follower = Deployments(server, events(*told)), Follower(cluster)
    async with AsyncExitStack() as stack:
        lives = [deployment(name, 10) for name in names]
        queues = [await stack.enter_async_context(follower.follow(live)) for live in lives]
        found = [await changed(queue) for queue in queues]
    assert [obj["metadata"]["name"] for obj in found] == names
    assert [obj["metadata"]["resourceVersion"] for obj in found] == [str(50 + n) for n in range(20)]
    assert deployments.asked[0] == "watch" and not [a for a in deployments.asked if a.startswith("get")]


async def test_a_watch_that_ends_is_made_up_for(server: FakeServer, cluster: Cluster) -> None:
    deployments = Deployments(server, Answer(status=None))
    deployments.listed = [deployment("there", 60)]
    follower = Follower(cluster)
    async with (
        follower.follow(deployment("there", 10)) as there,
        follower.follow(deployment("gone", 10)) as gone,
    ):
        assert (await changed(there))["metadata"]["resourceVersion"] == "60"
        assert await asyncio.wait_for(gone.get(), SOME) is None
    assert deployments.asked[:2] == ["watch", "list"]


async def test_what_was_told_before_it_was_waited_for_is_not_missed(
    server: FakeServer, cluster: Cluster
) -> None:
    Deployments(server, events(("MODIFIED", deployment("late", 30)), ("MODIFIED", deployment("first", 31))))
    follower = Follower(cluster)
    async with follower.follow(deployment("first", 10)) as first:
        await changed(first)
        async with follower.follow(deployment("late", 20)) as late:
            assert (await changed(late))["metadata"]["resourceVersion"] == "30"


@pytest.mark.parametrize("later", range(10))
async def test_who_comes_as_the_last_one_leaves_is_told_too(
    server: FakeServer, cluster: Cluster, later: int
) -> None:
    """At every step of the event loop between the last one's leaving and the end of the watch."""
    deployments = Deployments(server)
    deployments.listed = [deployment("first", 30), deployment("second", 31)]
    follower = Follower(cluster)
    async with AsyncExitStack() as stack:
        await changed(await stack.enter_async_context(follower.follow(deployment("first", 10))))
        leaving = asyncio.create_task(stack.pop_all().aclose())
        for _ in range(later):
            await asyncio.sleep(0)
        async with follower.follow(deployment("second", 10)) as second:
            assert (await changed(second))["metadata"]["name"] == "second"
        await leaving


async def test_what_is_older_than_the_watch_is_asked_for(server: FakeServer, cluster: Cluster) -> None:
    deployments = Deployments(server)
    deployments.listed = [deployment("first", 31), deployment("older", 20)]
    follower = Follower(cluster)
    async with follower.follow(deployment("first", 30)), follower.follow(deployment("older", 10)) as older:
        assert (await changed(older))["metadata"]["resourceVersion"] == "20"
    assert "get older" in deployments.asked


async def test_who_may_watch_only_by_name_does(server: FakeServer, cluster: Cluster) -> None:
    deployments = Deployments(server, events(("MODIFIED", deployment("mine", 40))))
    forbidden = refusal(403, "Forbidden", "deployments is forbidden")
    deployments.refused = lambda query: None if "fieldSelector" in query else forbidden
    async with Follower(cluster).follow(deployment("mine", 10)) as mine:
        assert (await changed(mine))["metadata"]["resourceVersion"] == "40"
    assert deployments.asked[:3] == ["watch", "list", "watch metadata.name=mine"]


async def test_everybody_is_told_that_it_cannot_go_on(server: FakeServer, cluster: Cluster) -> None:
    deployments, follower = Deployments(server), Follower(cluster)
    deployments.refused = lambda query: refusal(422, "Invalid", "not today")
    async with follower.follow(deployment("a", 10)) as one, follower.follow(deployment("b", 10)) as other:
        for queue in (one, other):
            found = await asyncio.wait_for(queue.get(), SOME)
            assert isinstance(found, ApiError) and found.status == 422


async def test_many_who_look_ask_once(server: FakeServer, cluster: Cluster, clock: FakeClock) -> None:
    deployments = Deployments(server)
    deployments.listed = [deployment("a", 10)]
    looks = [cluster.list_together("apps/v1", "deployments", "shop") for _ in range(10)]
    assert {len(found) for found in await asyncio.gather(*looks)} == {1}
    assert deployments.asked == ["list"]
    clock.time += TOGETHER
    await cluster.list_together("apps/v1", "deployments", "shop")
    assert deployments.asked == ["list", "list"]


async def test_a_look_that_failed_is_not_kept(server: FakeServer, cluster: Cluster) -> None:
    server.answer = lambda _: refusal(400, "BadRequest", "no such field")
    for _ in range(2):
        with pytest.raises(ApiError):
            await cluster.list_together("v1", "pods", "shop")
    assert len(server.requests) == 2


class Jumble:
    """A cluster whose answers come in any order that a network allows, and whose watches end at any time."""

    def __init__(self, seed: int) -> None:
        self.random, self.version, self.clock = random.Random(seed), 100, FakeClock()
        self.client, self.written, self.live = self, asyncio.Condition(), dict[str, Object]()
        self.log: list[Object] = []

    async def write(self, name: str, *, ready: bool) -> Object:
        self.version += 1
        obj = {**deployment(name, self.version), "ready": ready}
        self.live[name] = obj
        self.log.append(obj)
        async with self.written:
            self.written.notify_all()
        return obj

    async def lag(self, most: int = 8) -> None:
        for _ in range(self.random.randrange(most)):
            await asyncio.sleep(0)

    async def locate(self, live: Object) -> tuple[Resource, str]:
        return Resource("apps/v1", "deployments", True), "shop"

    async def get(self, live: Object) -> Object | None:
        await self.lag()
        found = self.live.get(live["metadata"]["name"])
        await self.lag()
        return found

    async def request(self, method: str, path: str) -> Object:
        await self.lag()
        answer = {"metadata": {"resourceVersion": str(self.version)}, "items": [*self.live.values()]}
        await self.lag()
        return {"apiVersion": "apps/v1", "kind": "DeploymentList", **answer}

    async def watch(self, path: str, query: dict[str, str]) -> AsyncIterator[Object]:
        at = int(query["resourceVersion"])
        while True:
            await self.lag()
            if self.random.random() < 0.1:
                raise OSError("cut")
            for obj in self.log:
                if int(obj["metadata"]["resourceVersion"]) > at:
                    at = int(obj["metadata"]["resourceVersion"])
                    yield {"type": "MODIFIED", "object": obj}
            async with self.written:
                if at == self.version:
                    await self.written.wait()


@pytest.mark.parametrize("seed", range(200))
async def test_whatever_the_order_everybody_hears_the_last_word(seed: int) -> None:
    jumble = Jumble(seed)
    follower = Follower(cast(Cluster, jumble))

    async def one(name: str) -> None:
        await jumble.lag(40)
        live = current = await jumble.write(name, ready=False)
        await jumble.lag()
        changes = asyncio.create_task(change(name))
        async with follower.follow(live) as queue:
            while not current["ready"]:
                current = await changed(queue)
        await changes

    async def change(name: str) -> None:
        for step in range(3):
            await jumble.lag(20)
            await jumble.write(name, ready=step == 2)

    await asyncio.gather(*(one(f"app-{number}") for number in range(jumble.random.choice([1, 2, 3, 8]))))
