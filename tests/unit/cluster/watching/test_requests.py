"""What is asked of the API server, and what becomes of its refusals."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from poscloud.cluster.target import Target
from poscloud.cluster.watching.logs import read
from poscloud.cluster.watching.logs.source import Source
from poscloud.cluster.watching.namespace import MissingNamespaceError, Namespace
from poscloud.cluster.watching.status import see
from poscloud.errors import AuthError, DeployError
from poscloud.provider import rest
from poscloud.provider.rest import ApiError, UnreachableError
from tests.unit.cluster.watching.objects import pod, workload
from tests.unit.provider.conftest import Answer, FakeServer, Request, refusal

SPACE = "/api/v1/namespaces/dev"


@pytest.fixture
def namespace(server: FakeServer, tmp_path: Path) -> Namespace:
    file = tmp_path / "kubeconfig"
    entry = {"cluster": "c", "user": "u"}
    file.write_text(json.dumps({
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": entry}], "current-context": "here",
    }))  # fmt: skip
    return Namespace(Target(file, "here", server.url, "uid-1", local=False), "dev", "shop/dev")


def stamped(stack: str = "shop/dev", cluster: str = "uid-1") -> Answer:
    said = {"poscloud.io/stack": stack, "poscloud.io/cluster": cluster}
    return Answer(body={"metadata": {"name": "dev", "annotations": said}})


async def test_a_status_is_five_requests_whatever_the_number_of_services(
    server: FakeServer, namespace: Namespace
) -> None:
    many = [f"s{number}" for number in range(200)]
    lists = {
        "deployments": {
            "kind": "DeploymentList",
            "apiVersion": "apps/v1",
            "items": [workload(name) for name in many],
        },
        "pods": {"kind": "PodList", "apiVersion": "v1", "items": [pod(name) for name in many]},
        "statefulsets": {"items": []},
        "apis": {"groups": []},
        "dev": stamped().body,
    }
    server.answer = lambda asked: Answer(body=lists[asked.path.rpartition("/")[2]])
    seen = await see(namespace)
    assert (len(seen.services), len(server.requests)) == (200, 5)
    assert {request.method for request in server.requests} == {"GET"}
    assert seen.usage.why_none == "the cluster has no metrics server"


async def test_somebody_elses_namespace_and_another_cluster(server: FakeServer, namespace: Namespace) -> None:
    server.answer = lambda _: stamped("other/dev")
    with pytest.raises(DeployError, match="belongs to stack other/dev"):
        await namespace.verify()
    server.answer = lambda _: stamped(cluster="uid-2")
    with pytest.raises(DeployError, match=r"was deployed to cluster uid-1; .* leads to uid-2"):
        await namespace.verify()
    server.answer = lambda _: refusal(404, "NotFound", "no")
    with pytest.raises(MissingNamespaceError, match="dev is not up"):
        await namespace.verify()


async def test_a_missing_right_is_named_with_how_to_ask_for_it(
    server: FakeServer, namespace: Namespace
) -> None:
    message = (
        'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "dev"'
    )
    server.answer = lambda _: refusal(403, "Forbidden", message)
    with pytest.raises(AuthError) as caught:
        await namespace.listed("pods")
    assert (caught.value.exit_code, caught.value.message.endswith(message)) == (3, True)
    assert "poscloud access --user ann --namespace dev | kubectl apply -f -" in caught.value.hint
    assert "kubectl auth can-i list pods -n dev --as=ann" in caught.value.hint
    assert isinstance(caught.value.__cause__, ApiError)
    assert await namespace.listed_if_allowed("pods") is None


async def test_credentials_that_do_not_hold(server: FakeServer, namespace: Namespace) -> None:
    server.answer = lambda _: refusal(401, "Unauthorized", "Unauthorized")
    with pytest.raises(AuthError, match="credentials rejected"):
        await namespace.listed_if_allowed("pods")


async def test_a_log_is_taken_up_where_it_ended(
    server: FakeServer, namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "AGAIN_SECONDS", 0)
    first = [b"2026-11-22T09:55:07.100000000Z a", b"2026-11-22T09:55:07.200000000Z b"]
    then = [*first, b"2026-11-22T09:55:07.200000000Z c", b"2026-11-22T09:55:08.000000000Z d"]
    parts = [b"\n".join([*first, b""]), None, b"\n".join([*then, b""])]

    def answer(asked: Request) -> Answer:
        body = parts[len(server.requests) - 1]
        return Answer(status=None) if body is None else Answer(body=body)

    server.answer = answer
    found: list[bytes] = []
    source = Source("web-1", "1", "web")
    lines = read.follow(namespace, source, {"tailLines": "5"}, lambda: len(server.requests) < 3)
    async for some in lines:
        found += [line.text for line in some]
    assert found == [b"a", b"b", b"c", b"d"]
    queries = [request.query for request in server.requests]
    assert "tailLines=5" in queries[0]
    assert all("sinceTime=2026-11-22T09%3A55%3A07Z" in query for query in queries[1:])
    assert all("follow=true" in query and "timestamps=true" in query for query in queries)


async def test_a_log_that_is_not_there_is_noted_and_the_others_shown(
    server: FakeServer, namespace: Namespace
) -> None:
    line = b"2026-11-22T09:55:07.100000000Z a\n"
    none = refusal(400, "BadRequest", "previous terminated container not found")
    server.answer = lambda asked: none if "web-1" in asked.path else Answer(body=line)
    notes: list[str] = []
    sources = [Source("web-1", "1", "web"), Source("web-2", "2", "web")]
    found = await read.read_all(namespace, sources, {"previous": "true"}, notes.append)
    assert [each.text for each in found] == [b"a"]
    assert notes == ["no log of web-1: previous terminated container not found"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_node_that_does_not_answer_costs_its_own_log_only(
    server: FakeServer, namespace: Namespace, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(read, "SILENT_SECONDS", 0.5)
    line = b"2026-11-22T09:55:07.100000000Z a\n"
    dead = refusal(status, "InternalError", "dial tcp 10.0.0.7:10250: i/o timeout")
    server.answer = lambda asked: dead if "web-1" in asked.path else Answer(body=line)
    notes: list[str] = []
    sources = [Source("web-1", "1", "web", node="n1"), Source("web-2", "2", "web")]
    found = await read.read_all(namespace, sources, {}, notes.append)
    assert [each.text for each in found] == [b"a"]
    said = {500: "dial tcp 10.0.0.7:10250: i/o timeout"}
    assert notes == [f"no log of web-1: {said.get(status, 'node n1 of pod web-1 did not answer for 0.5 s')}"]


async def test_a_log_that_comes_slowly_is_read_whole(
    server: FakeServer, namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "SILENT_SECONDS", 0.5)

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        line = b"2026-11-22T09:55:07.100000000Z a\n"
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n" % (len(line) * 4))
        for _ in range(4):
            writer.write(line)
            await asyncio.sleep(0.2)
        writer.close()

    listener = await asyncio.start_server(slowly, "127.0.0.1", 0)
    namespace.client._port = listener.sockets[0].getsockname()[1]
    async with listener:
        assert len(await read.read(namespace, Source("web-1", "1", "web"), {})) == 4


async def test_where_no_log_comes_and_the_cluster_does_not_answer_either_it_is_said(
    server: FakeServer, namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(rest, "FIRST_CONNECTION", 0.3)
    server.answer = lambda _: Answer(status=None)
    with pytest.raises(UnreachableError, match="cannot reach"):
        await read.read_all(namespace, [Source("web-1", "1", "web")], {}, lambda _: None)
