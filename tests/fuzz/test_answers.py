"""What stands where the API server should be may answer anything: the provider says so, in bounded memory and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2

from poscloud.errors import PosCloudError
from poscloud.provider import connection, rest
from poscloud.provider.config import Access
from poscloud.provider.rest import Client
from poscloud.provider.shape import NotUnderstoodError, understanding
from poscloud.provider.waits import Related, readiness, trouble
from tests.fuzz.profile import inputs, tried
from tests.fuzz.test_wire import Plugin
from tests.fuzz.wire import objects, plain, struct_of, urns
from tests.unit.provider.conftest import DISCOVERY, FakeClock

OK = b"HTTP/1.1 200 OK\r\n"
HOSTILE = (
    b"", b"\0" * 100, b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 99999 X\r\n\r\n",
    OK + b"Content-Length: -1\r\n\r\n{}", OK + b"Content-Length: 5, 7\r\n\r\n{}", OK + b"Content-Length: 99\r\n\r\n{",
    OK + b"Content-Length: " + b"9" * 100 + b"\r\n\r\n{}", OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    OK + b"Transfer-Encoding: gzip\r\n\r\n{}", OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n{}", OK + b"a: b\r\n" * 20_000,
    OK + b"bad header\r\n\r\n{}", OK + b"X\x00: \xff\r\n\r\n{}", OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0",
    OK + b"\r\n<html>log in</html>", OK + b"\r\n" + b'{"a":' * 50_000, OK + b"\r\n[" + b"1," * 10 + b"1]",
    OK + b"\r\nnull",
    OK + b"\r\n" + b"9" * 6000, OK + b'\r\n{"a": "\\ud800"}', OK + b'\r\n{"a": NaN, "b": 1e999, "items": {"c": [[]]}}',
    OK + b'\r\n{"metadata": [], "items": 3, "resources": {"a": 1}}', OK + b"\r\n\xff\xfe{}", OK + b"\r\n{} {}",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 50, b"HTTP/1.1 301 X\r\nLocation: http://a\r\n\r\n", b"HTTP/1.1 204 X\r\n\r\n",
    b"HTTP/1.1 429 X\r\nRetry-After: 99999999999999999999\r\n\r\n", b"HTTP/1.1 503 X\r\nRetry-After: \xc2\xb2\r\n\r\n",
    b'HTTP/1.1 409 X\r\n\r\n{"details": [1], "reason": {}}',
    b'HTTP/1.1 422 X\r\n\r\n{"details": {"causes": [1, {"field": []}]}}',
    b'HTTP/1.1 429 X\r\n\r\n{"details": {"retryAfterSeconds": "soon"}}', b"HTTP/1.1 500 X\r\n\r\n" + b"\xff" * 2000,
    b"HTTP/1.1 401 X\r\n\r\n[]", b"HTTP/1.1 403 X\r\n\r\n\"no\"",
)  # fmt: skip
"""Answers that no API server gives, or only a broken one."""
EVENTS = (
    b"", b"\n\n", b"{}\n", b"[]\n", b"null\n", b"rubbish\n", b'{"type": "ADDED"}\n', b'{"type": 3, "object": {}}\n',
    b'{"type": "DELETED", "object": null}\n', b'{"type": "MODIFIED", "object": {"metadata": 1}}\n', b'{"type": "ERROR"',
    b'{"type": "MODIFIED", "object": {"metadata": {"resourceVersion": {}}}}\n', b"\xff\n", b"{" * 5000 + b"\n",
)  # fmt: skip


class Server:
    """Answers every request with the same bytes, or by its path, and closes the connection."""

    def __init__(self, plugin: Plugin) -> None:
        self.loop, self.answer = plugin.loop, b""
        self.by_path: Callable[[str], Any] | None = None
        self.sent = 0
        listener = self.loop.run_until_complete(asyncio.start_server(self._handle, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            data = self.answer
            if self.by_path is not None:
                body = json.dumps(self.by_path(head.split(b" ")[1].decode())).encode()
                data = OK + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
            writer.write(data)
            await writer.drain()
            while self.answer.endswith(b"ENDLESS"):
                writer.write(b"x" * 65536)
                self.sent += 65536
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def client(self) -> Client:
        return Client(Access(self.url, "test.yaml", "test", cluster={"server": self.url}), FakeClock())


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    made = Plugin(FakeClock())
    yield made
    made.stop()


@pytest.fixture(scope="module")
def server(plugin: Plugin) -> Server:
    return Server(plugin)


def _asked(server: Server, watch: bool) -> str:
    """Return what is said of the answer; empty when it is taken for one."""

    async def ask() -> None:
        client = server.client()
        async with asyncio.timeout(60):
            if watch:
                async for _ in client.watch("/api/v1/pods", {}):
                    pass
            else:
                await client.request("GET", "/api/v1/pods")

    try:
        server.loop.run_until_complete(ask())
        return ""
    except PosCloudError as error:
        assert error.message and len(error.message) < 2000
        return error.message


def _damaged(answer: bytes, at: int, piece: bytes) -> bytes:
    return answer[: at % (len(answer) + 1)] + piece + answer[at % (len(answer) + 1) + len(piece) :]


@pytest.mark.parametrize("answer", HOSTILE, ids=lambda answer: repr(answer[:40]))
def test_an_answer_that_is_none(server: Server, answer: bytes) -> None:
    server.answer, server.by_path = answer, None
    assert _asked(server, watch=False) or b" 204 " in answer or b"NaN" in answer or b"metadata" in answer
    tried("answers of hostile API servers")


@inputs(few=30, many=2000)
@given(answer=st.builds(_damaged, st.sampled_from(HOSTILE), st.integers(0, 200), st.binary(max_size=20)))
def test_an_answer_of_any_bytes(server: Server, answer: bytes) -> None:
    server.answer, server.by_path = answer, None
    _asked(server, watch=False)
    tried("answers of hostile API servers")


@inputs(few=20, many=1000)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=3).map(b"".join))
def test_a_watch_of_any_events(server: Server, events: bytes) -> None:
    server.answer, server.by_path = OK + b"\r\n" + events, None
    with suppress(ConnectionError):  # cut off; whoever watches begins again
        _asked(server, watch=True)
    tried("watches of hostile API servers")


@pytest.mark.parametrize("watch", [False, True])
def test_an_endless_answer_is_given_up(server: Server, watch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LONGEST_ANSWER", 2**20)
    monkeypatch.setattr(rest, "LONGEST_EVENT", 2**20)
    server.answer, server.by_path, server.sent = OK + b"\r\nENDLESS", None, 0
    assert "has more than 1048576 bytes" in _asked(server, watch)
    assert server.sent < 16 * 2**20


def _configure(plugin: Plugin, server: Server) -> None:
    kubeconfig = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": server.url}}],
    }
    variables = {"kubernetes:config:kubeconfig": json.dumps(kubeconfig)}
    assert not plugin.ask("Configure", provider_pb2.ConfigureRequest(variables=variables))


@inputs(few=40, many=3000)
@given(urn=urns, mine=objects(), live=st.one_of(objects(), objects(), plain), method=st.integers(0, 6))
def test_an_object_of_any_shape(
    plugin: Plugin, server: Server, urn: str, mine: Any, live: Any, method: int
) -> None:
    _configure(plugin, server)
    server.by_path = lambda path: {"/api": DISCOVERY, "/apis": {"items": []}}.get(path, live)
    inputs_, before = struct_of(mine), struct_of({**mine, "data": {"b": "Zm9v"}, "immutable": True})
    requests = (
        ("Read", provider_pb2.ReadRequest(urn=urn, id="default/settings", properties=before, inputs=inputs_)),
        ("Diff", provider_pb2.DiffRequest(urn=urn, olds=before, old_inputs=before, news=inputs_)),
        ("Create", provider_pb2.CreateRequest(urn=urn, properties=inputs_, preview=True)),
        ("Update", provider_pb2.UpdateRequest(urn=urn, olds=before, news=inputs_, preview=True)),
        ("Create", provider_pb2.CreateRequest(urn=urn, properties=inputs_)),
        ("Update", provider_pb2.UpdateRequest(urn=urn, olds=before, old_inputs=before, news=inputs_)),
        ("Delete", provider_pb2.DeleteRequest(urn=urn, id="default/settings", properties=before)),
    )
    plugin.ask(*requests[method])
    tried("objects of hostile API servers")


@inputs(few=60, many=3000)
@given(obj=objects(), status=plain, beside=st.lists(objects(), max_size=2))
def test_a_status_of_any_shape(obj: Any, status: Any, beside: list[Any]) -> None:
    for one in (obj, {**obj, "status": status}, {**obj, "metadata": {"generation": status}}):
        try:
            with understanding("it"):
                readiness(one, Related(slices=beside, facts={}))
                trouble(one, Related(pods=beside, events=beside))
        except NotUnderstoodError:
            pass
    tried("states of objects")


@inputs(few=15, many=500)
@given(
    garbage=st.binary(max_size=200)
    | st.binary(max_size=60).map(lambda b: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b)
)
def test_bytes_that_are_no_grpc(plugin: Plugin, garbage: bytes) -> None:
    async def send() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", plugin.port)
        writer.write(garbage)
        await writer.drain()
        writer.close()

    plugin.loop.run_until_complete(send())
    assert not plugin.ask("GetPluginInfo", provider_pb2.ConfigureRequest())
    tried("bytes to the provider's port")
