"""A port of a pod over a real WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from poscloud.cluster.remote import portforward as module
from poscloud.cluster.remote.portforward import PROTOCOL, PodPort, join
from poscloud.errors import DeployError
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import Access
from poscloud.provider.rest import Clock, UnreachableError

PORT = PodPort("shop", "web-1", 8080)
BEGIN = (b"\x00\x90\x1f", b"\x01\x90\x1f")
Talk = Callable[[ServerConnection], Awaitable[None]]
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def joined(
    talk: Talk, paths: list[str] | None = None
) -> AsyncIterator[tuple[Client, asyncio.Future[None]]]:
    """A local connection, and how its way to the pod ended."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def begin(connection: ServerConnection) -> None:
        assert connection.request
        (paths if paths is not None else []).append(connection.request.path)
        for message in BEGIN:
            await connection.send(message)
        await talk(connection)

    async def serving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await join(cluster, PORT, reader, writer)
            over.set_result(None)
        except Exception as error:
            over.set_exception(error)
        finally:
            writer.close()

    async with (
        serve(begin, "127.0.0.1", 0, subprotocols=[PROTOCOL], close_timeout=0.1) as node,  # type: ignore[list-item]
        await asyncio.start_server(serving, "127.0.0.1", 0) as local,
    ):
        url = f"http://127.0.0.1:{next(iter(node.sockets)).getsockname()[1]}"
        access = Access(url, "test.yaml", "test", cluster={"server": url}, user={"token": "t"})
        cluster = Cluster(access, Settings(), Clock())
        reader, writer = await asyncio.open_connection("127.0.0.1", local.sockets[0].getsockname()[1])
        try:
            yield (reader, writer), over
        finally:
            writer.close()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        assert isinstance(message, bytes) and message[0] == 0
        await connection.send(message)


async def test_bytes_go_both_ways_as_they_are() -> None:
    data, paths = bytes(range(256)) * 4000, list[str]()
    async with joined(echo, paths) as ((reader, writer), _):
        writer.write(data)
        assert await asyncio.wait_for(reader.readexactly(len(data)), 10) == data
    assert paths == ["/api/v1/namespaces/shop/pods/web-1/portforward?ports=8080"]


async def test_the_end_of_the_pod_s_side_ends_it() -> None:
    async def bye(connection: ServerConnection) -> None:
        await connection.send(b"\x00bye")

    async with joined(bye) as ((reader, _), over):
        assert await asyncio.wait_for(reader.read(), 10) == b"bye"
        await asyncio.wait_for(over, 10)


async def test_an_answer_is_awaited_after_all_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(connection: ServerConnection) -> None:
        await connection.recv()
        await asyncio.sleep(0.2)
        await connection.send(b"\x00late")
        await connection.wait_closed()

    monkeypatch.setattr(module, "LINGER_SECONDS", 0.6)
    async with joined(late) as ((reader, writer), over):
        writer.write(b"question")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 10) == b"late"
        await asyncio.wait_for(over, 10)


async def test_what_the_node_says_of_the_port_is_told() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.send(b"\x01connection refused")
        await connection.wait_closed()

    async with joined(refuse) as ((reader, _), over):
        assert await asyncio.wait_for(reader.read(), 10) == b""
        with pytest.raises(DeployError, match="port 8080 of pod web-1: connection refused"):
            await asyncio.wait_for(over, 10)


async def test_a_server_that_is_not_there_is_told() -> None:
    access = Access("http://127.0.0.1:1", "test.yaml", "test", cluster={"server": "http://127.0.0.1:1"})
    reader, writer = asyncio.StreamReader(), None
    with pytest.raises(UnreachableError, match="no connection to port 8080 of pod web-1"):
        await join(Cluster(access, Settings(), Clock()), PORT, reader, writer)  # type: ignore[arg-type]
