"""Waiting over a watch that is dead without anybody having been told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from poscloud.provider import awaiter, waits
from poscloud.provider.awaiter import Awaiter
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import Access
from poscloud.provider.follow import Events, Object
from poscloud.provider.rest import Clock

from .conftest import Answer, FakeServer
from .test_follow import SOME, Deployments, deployment

READY = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
    "conditions": [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "True"}],
}


@asynccontextmanager
async def silent(live: Object) -> AsyncIterator[Events]:
    yield asyncio.Queue()


@pytest.fixture
def waiting(
    server: FakeServer, access: Access, monkeypatch: pytest.MonkeyPatch
) -> tuple[Awaiter, Deployments]:
    for name in ("TICK", "SILENCE"):
        monkeypatch.setattr(awaiter, name, 0.02)
    found = Awaiter(Cluster(access, Settings(), Clock()))
    monkeypatch.setattr(found._follower, "follow", silent)
    return found, Deployments(server)


def started(version: int, **status: object) -> Object:
    found = deployment("app", version)
    found["metadata"] |= {"generation": 1, "uid": "1"}
    return {**found, "spec": {"replicas": 1}, "status": status}


async def test_what_is_ready_is_found_ready(waiting: tuple[Awaiter, Deployments]) -> None:
    waiter, deployments = waiting
    deployments.listed = [started(12, **READY)]
    found = await asyncio.wait_for(waiter.ready(started(11)), SOME)
    assert found["metadata"]["resourceVersion"] == "12"


async def test_what_is_gone_is_found_gone(waiting: tuple[Awaiter, Deployments]) -> None:
    waiter, deployments = waiting
    deployments.listed = [started(12)]
    going = asyncio.create_task(waiter.gone(started(11)))
    while not deployments.asked:
        await asyncio.sleep(0.001)
    deployments.listed = [{**started(13), "metadata": {**started(13)["metadata"], "uid": "2"}}]
    await asyncio.wait_for(going, SOME)


async def test_what_a_container_said_last_is_shown_while_it_is_waited_for(
    server: FakeServer, access: Access
) -> None:
    texts = iter([b"", b"", b"starting\n\n>>> 'dir /data'\nPermission denied\n"])
    server.answer = lambda request: Answer(200, next(texts))
    said = awaiter.LastLines(Cluster(access, Settings(), Clock()), deployment("app", 1))
    crashed = waits.waiting("0 of 1 pods ready", ("app-1", "main"))
    first, then, again = [await said.after(verdict) for verdict in (crashed, crashed, crashed)]
    assert (first, then) == ("", "; it said: starting | >>> 'dir /data' | Permission denied")
    assert again == then and len(server.requests) == 3, "asked again for what is known"
    assert await said.after(waits.waiting("1 of 2 pods ready")) == ""
