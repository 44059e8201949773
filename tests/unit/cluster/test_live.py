"""What a check reads of a cluster, and what becomes of one that refuses or is another one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from poscloud.cluster.preflight.live import LISTS, Live, read
from poscloud.cluster.target import Target
from poscloud.errors import AuthError, DeployError
from tests.unit.provider.conftest import Answer, FakeServer, Request, refusal

KINDS = {("apps/v1", "Deployment"), ("v1", "Service")}


@pytest.fixture
def target(server: FakeServer, tmp_path: Path) -> Target:
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps({
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}], "current-context": "here",
    }))  # fmt: skip
    return Target(file, "here", server.url, "uid-1", local=False)


async def looked(target: Target, kinds: set[tuple[str, str]] | None = None) -> Live:
    return await asyncio.to_thread(read, target, "dev", kinds or set())


def answer(request: Request) -> Answer:
    if request.path.endswith("/kube-system"):
        return Answer(body={"metadata": {"name": "kube-system", "uid": "uid-2"}})
    return Answer(body={"items": []})


async def test_another_cluster_than_the_pinned_one_is_not_read(server: FakeServer, target: Target) -> None:
    server.answer = answer
    with pytest.raises(DeployError, match=r"dev was deployed to cluster uid-1; .* leads to uid-2"):
        await looked(target)
    assert len(server.requests) == 1


async def test_a_user_who_may_nothing_sees_nothing(server: FakeServer, target: Target) -> None:
    server.answer = lambda _: refusal(403, "Forbidden", 'User "alice" cannot list')
    assert await looked(target) == Live("", set(), {}, [], list(LISTS))


async def test_rejected_credentials_are_told_with_their_cause(server: FakeServer, target: Target) -> None:
    def rejected_later(request: Request) -> Answer:
        if request.path.endswith("/kube-system"):
            return refusal(403, "Forbidden", "no")
        return refusal(401, "Unauthorized", "Unauthorized")

    server.answer = rejected_later
    with pytest.raises(AuthError) as caught:
        await looked(target, KINDS)
    assert "rejected" in caught.value.message and "first error" not in caught.value.message
