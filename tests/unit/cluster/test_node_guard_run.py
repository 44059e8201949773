"""What a look of a node guard does and keeps; a fake API server answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from poscloud.cluster.nodeguard import run
from poscloud.cluster.nodeguard.history import History
from poscloud.cluster.nodeguard.run import Outcome, guard
from poscloud.cluster.nodeguard.usage import Node, Pod
from poscloud.cluster.nodeguard.webhook import Hook, WebhookError
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError, Clock
from poscloud.spec.nodeguard import GuardSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FULL = (Node("node4", 104, 10), Node("node5", 120, 0))


def pod(name: str, mebibytes: int, node: str = "node4") -> Pod:
    owner = f"ReplicaSet/{name.rpartition('-')[0]}-7d9f"
    return Pod("shop", name, f"uid-{name}", node, owner, memory=mebibytes * 2**20, cpu=0.1)


@dataclass
class Fake:
    """A cluster: name of a pod → what becomes of its eviction."""

    pods: Sequence[Pod]
    answers: dict[str, Exception] = field(default_factory=dict)
    history: History = field(default_factory=lambda: History(version="1"))
    asked: list[str] = field(default_factory=list)

    async def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        self.asked.append(body["metadata"]["name"])
        if error := self.answers.get(self.asked[-1]):
            raise error
        return {}

    def look(self, hooks: Sequence[Hook] = (), **settings: object) -> Outcome:
        given = GuardSettings.model_validate({"restart": True, **settings})
        cluster = cast(Cluster, SimpleNamespace(client=self, clock=Clock()))
        return asyncio.run(guard(cluster, given, hooks, NOW))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    found = Fake([])

    async def observe(_: Cluster) -> tuple[Sequence[Node], Sequence[Pod]]:
        return FULL, found.pods

    async def read(_: Cluster) -> History:
        return found.history

    async def write(_: Cluster, history: History, *__: object) -> History:
        found.history = replace(history, version=history.version + "1")
        return found.history

    monkeypatch.setattr(run, "observe", observe)
    monkeypatch.setattr(run, "read", read)
    monkeypatch.setattr(run, "write", write)
    return found


def test_of_a_workload_one_pod_is_restarted_at_a_look_where_others_are_kept_too(fake: Fake) -> None:
    fake.pods = [pod("web-1", 800, "node5"), pod("api-1", 900, "node5"), pod("web-2", 900), pod("geo-1", 1)]
    fake.answers = {"api-1": ApiError(403, b"no")}
    found = fake.look(top=1)
    assert fake.asked == ["api-1", "web-1", "geo-1"]
    assert "web-2 (900Mi): not restarted: another pod of shop/web was" in str(found.events[1])


@pytest.mark.parametrize("restart", [True, False])
def test_the_same_is_told_again_only_when_something_was_restarted(fake: Fake, restart: bool) -> None:
    fake.pods = [pod("api-1", 900)]
    fake.answers = {"api-1": ApiError(403, b"no")}
    first = fake.look(restart=restart)
    assert [event.alert.key for event in first.events] == ["node-memory/node5", "node-memory/node4"]
    assert not fake.look(restart=restart).events
    assert fake.history.restarts == ()
    fake.answers = {}
    assert len(fake.look(restart=restart).restarted) == restart


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (TimeoutError(), 1),
        (ApiError(404, b"gone"), 1),
        (ApiError(409, b"another uid"), 1),
        (ApiError(504, b"too slow"), 1),
        (ApiError(429, b"a budget"), 0),
        (ApiError(403, b"no"), 0),
    ],
)
def test_what_may_have_been_restarted_counts(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, answer: Exception, counted: int
) -> None:
    monkeypatch.setattr(run, "PATIENCE", 0.0 if isinstance(answer, ApiError) else 1.0)
    fake.pods, fake.answers = [pod("api-1", 900), pod("web-1", 800)], {"api-1": answer}
    found = fake.look(top=1)
    line = found.events[1].outcomes[0]
    assert line.startswith(f"shop/api-1 (900Mi): {'perhaps' if counted else 'not'} restarted: ")
    assert [each.workload for each in fake.history.restarts] == ["shop/api" if counted else "shop/web"]
    assert len(found.restarted) == 1 - counted


@pytest.mark.parametrize(("failing", "again"), [({1}, False), ({1, 2}, True)])
def test_it_is_told_again_only_where_nobody_could_be_told(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, failing: set[int], again: bool
) -> None:
    def send(hook: Hook, *_: object) -> None:
        if hook.number in failing:
            raise WebhookError(f"{hook} answered 500")

    monkeypatch.setattr(run, "send", send)
    both = [Hook("json", "https://h/x", number=number) for number in (1, 2)]
    assert len(fake.look(both).untold) == len(failing)
    assert bool(fake.look(both).events) is again
