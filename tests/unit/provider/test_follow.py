"""Many waits, one watch: what each gets to know, and what the API server is asked for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from urllib.parse import parse_qs

import pytest

from poscloud.provider.cluster import TOGETHER, Cluster, Settings
from poscloud.provider.config import Access
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
