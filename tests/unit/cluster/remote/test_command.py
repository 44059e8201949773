"""A command over a real WebSocket: what is sent, what comes back, and a connection that is lost."""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers

from poscloud.cluster.remote import command as module
from poscloud.cluster.remote.channels import PROTOCOL, Channel
from poscloud.cluster.remote.command import Command, run
from poscloud.cluster.remote.connection import NotBegunError
from poscloud.errors import AuthError, DeployError
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import Access
from poscloud.provider.rest import ApiError, Clock, UnreachableError

SUCCESS = b'\x03{"status": "Success"}'
COMMAND = Command("shop", "web-1", "web", ("sh", "-c", "echo a b; exit 0"), takes_input=True)
Serve = Callable[[ServerConnection], Awaitable[None]]


class Node:
    """An API server that runs commands.

    Attributes:
        paths: What was asked for.
        refusal: What the request is answered with instead.
        pod: What is answered about the pod; ``None``: it is gone.
    """

    def __init__(self, serving: Serve) -> None:
        self.serving = serving
        self.paths: list[str] = []
        self.refusal: http.HTTPStatus | None = None
        self.pod: dict[str, Any] | None = None

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        if "/exec" in request.path and not self.refusal:
            return None
        if request.path == "/api":
            kinds = [{"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced"}]
            items = [{"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": kinds}]}]
            return self.json(http.HTTPStatus.OK, {"items": items})
        if request.path == "/apis":
            return self.json(http.HTTPStatus.OK, {"items": []})
        if request.path.endswith("/pods/web-1") and self.pod:
            return self.json(http.HTTPStatus.OK, self.pod)
        status = self.refusal if "/exec" in request.path and self.refusal else http.HTTPStatus.NOT_FOUND
        return self.json(status, {"kind": "Status", "message": f"no: {status.phrase}", "reason": "R"})

    @staticmethod
    def json(status: http.HTTPStatus, data: Any) -> Response:
        body = json.dumps(data).encode()
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
        return Response(status.value, status.phrase, headers, body)


@asynccontextmanager
async def served(node: Node) -> AsyncIterator[Cluster]:
    async with serve(
        node.serving,
        "127.0.0.1",
        0,
        subprotocols=[PROTOCOL],
        close_timeout=0.1,
        process_request=node.answer,  # type: ignore[list-item]
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        access = Access(url, "test.yaml", "test", cluster={"server": url}, user={"token": "t"})
        yield Cluster(access, Settings(), Clock())


class Heard:
    """What a command wrote."""

    def __init__(self) -> None:
        self.parts: list[tuple[Channel, bytes]] = []

    async def write(self, channel: Channel, data: bytes) -> None:
        self.parts.append((channel, data))


async def given(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_input_goes_there_and_output_comes_back() -> None:
    async def echo(connection: ServerConnection) -> None:
        async for got in connection:
            if got == b"\xff\x00":
                await connection.send(b"\x02done")
                await connection.send(SUCCESS)
                return
            assert isinstance(got, bytes) and got[0] == Channel.STDIN
            await connection.send(b"\x01" + got[1:].upper())

    node, heard = Node(echo), Heard()
    async with served(node) as cluster:
        assert await run(cluster, COMMAND, heard.write, given(b"one", b"two")) == 0
    assert heard.parts == [(Channel.STDOUT, b"ONE"), (Channel.STDOUT, b"TWO"), (Channel.STDERR, b"done")]
    (path,) = [path for path in node.paths if "/exec" in path]
    assert path.startswith(
        "/api/v1/namespaces/shop/pods/web-1/exec?container=web&stdout=true&stderr=true&stdin=true"
    )
    assert path.endswith("&command=sh&command=-c&command=echo+a+b%3B+exit+0")


async def test_a_terminal_tells_its_size_and_has_no_second_output() -> None:
    seen: list[bytes] = []

    async def watch(connection: ServerConnection) -> None:
        async for got in connection:
            seen.append(bytes(got))  # type: ignore[arg-type]
            if len(seen) == 2:
                await connection.send(SUCCESS)
                return

    async def sizes() -> AsyncIterator[tuple[int, int]]:
        yield 80, 24
        yield 120, 40
        await asyncio.Event().wait()

    node = Node(watch)
    async with served(node) as cluster:
        command = Command("shop", "web-1", "web", ("sh",), tty=True, takes_input=True)
        assert await run(cluster, command, Heard().write, None, sizes()) == 0
    assert [json.loads(each[1:])["Width"] for each in seen] == [80, 120]
    assert any("stderr=false" in path and "tty=true" in path for path in node.paths)


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        (None, "pod web-1 is gone, and the command with it"),
        (
            {"metadata": {"name": "web-1"}},
            "the connection to pod web-1 was lost; whether the command still runs",
        ),
    ],
)
async def test_a_connection_that_is_lost_says_whether_it_was_the_pod(pod: Any, message: str) -> None:
    async def cut(connection: ServerConnection) -> None:
        connection.transport.abort()

    node = Node(cut)
    node.pod = pod and {"apiVersion": "v1", "kind": "Pod", **pod}
    async with served(node) as cluster:
        with pytest.raises(DeployError, match=message):
            await run(cluster, COMMAND, Heard().write)


@pytest.mark.parametrize(
    ("status", "error"), [(http.HTTPStatus.FORBIDDEN, ApiError), (http.HTTPStatus.UNAUTHORIZED, AuthError)]
)
async def test_a_server_that_refuses_is_heard(status: http.HTTPStatus, error: type[Exception]) -> None:
    async def never(connection: ServerConnection) -> None:
        raise AssertionError

    node = Node(never)
    node.refusal = status
    async with served(node) as cluster:
        with pytest.raises(error, match=f"no: {status.phrase}"):
            await run(cluster, COMMAND, Heard().write)


async def test_a_server_that_is_not_there_is_told() -> None:
    access = Access("http://127.0.0.1:1", "test.yaml", "test", cluster={"server": "http://127.0.0.1:1"})
    with pytest.raises(UnreachableError, match=r"no connection to a command in pod web-1"):
        await run(Cluster(access, Settings(), Clock()), COMMAND, Heard().write)


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1:1", "http://127.0.0.1:1"])
async def test_a_proxy_that_is_none_is_told_and_nothing_was_run(proxy: str) -> None:
    cluster = {"server": "http://k8s.example.com", "proxy-url": proxy}
    there = Cluster(Access(cluster["server"], "test.yaml", "test", cluster=cluster), Settings(), Clock())
    with pytest.raises(NotBegunError, match="no connection to a command in pod web-1"):
        await run(there, COMMAND, Heard().write)


async def test_an_address_that_is_none_is_told() -> None:
    access = Access("http://:1", "test.yaml", "test", cluster={"server": "http://:1"})
    with pytest.raises(NotBegunError, match="no connection to a command in pod web-1"):
        await run(Cluster(access, Settings(), Clock()), COMMAND, Heard().write)


async def test_whether_a_server_that_hangs_up_ran_it_is_not_known() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    access = Access(url, "test.yaml", "test", cluster={"server": url})
    async with server:
        with pytest.raises(UnreachableError) as caught:
            await run(Cluster(access, Settings(), Clock()), COMMAND, Heard().write)
    assert not isinstance(caught.value, NotBegunError)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("PING_SECONDS", 0.02), ("SILENCE_SECONDS", 0.2), ("LOOK_SECONDS", 0.02)):
        monkeypatch.setattr(module, name, seconds)


@pytest.mark.usefixtures("hasty")
async def test_who_reads_slowly_loses_nothing() -> None:
    async def much(connection: ServerConnection) -> None:
        for _ in range(100):
            await connection.send(b"\x01" + b"a" * 100_000)
        await connection.send(SUCCESS)

    class Slow(Heard):
        async def write(self, channel: Channel, data: bytes) -> None:
            await super().write(channel, data)
            if len(self.parts) == 1:  # as a pager that waits for a key
                await asyncio.sleep(0.8)

    slow = Slow()
    async with served(Node(much)) as cluster:
        assert await run(cluster, COMMAND, slow.write) == 0
    assert len(slow.parts) == 100


@pytest.mark.usefixtures("hasty")
async def test_a_connection_that_is_silent_is_lost() -> None:
    over = asyncio.Event()

    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()  # type: ignore[attr-defined]
        await over.wait()

    node = Node(deaf)
    async with served(node) as cluster:
        with pytest.raises(DeployError, match=r"web-1 is gone|was lost"):
            await asyncio.wait_for(run(cluster, COMMAND, Heard().write), 5)
        over.set()


@pytest.mark.usefixtures("hasty")
async def test_a_command_that_says_nothing_for_long_is_not_lost() -> None:
    async def quiet(connection: ServerConnection) -> None:
        await asyncio.sleep(0.8)
        await connection.send(SUCCESS)

    async with served(Node(quiet)) as cluster:
        assert await run(cluster, COMMAND, Heard().write) == 0


async def test_a_reader_that_is_gone_ends_it() -> None:
    async def much(connection: ServerConnection) -> None:
        await connection.send(b"\x01much")
        await connection.wait_closed()

    async def broken(channel: Channel, data: bytes) -> None:
        raise BrokenPipeError

    async with served(Node(much)) as cluster:
        with pytest.raises(BrokenPipeError):
            await run(cluster, COMMAND, broken)
