"""One connection to a port of a pod, over the API server: ``v4.channel.k8s.io``.

The first byte of each message says whether it is data or an error; the first message of either kind repeats the port.
No message says that one side has nothing more to send.
"""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from poscloud.cluster.remote.connection import connected
from poscloud.errors import DeployError
from poscloud.provider.cluster import Cluster

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
_REPEATED = 2
"""Bytes of the port that the first message of each kind has."""

CHUNK = 32 * 1024

LINGER_SECONDS = 5.0
"""How long what the pod sends is awaited after this side has nothing more to send, since it sent something last."""


@dataclass(frozen=True)
class PodPort:
    """A port of a pod.

    Attributes:
        namespace: The pod's.
        pod: The pod.
        number: The port, 1 to 65535.
    """

    namespace: str
    pod: str
    number: int

    @property
    def target(self) -> str:
        """Path and query of the request."""
        return f"/api/v1/namespaces/{quote(self.namespace)}/pods/{quote(self.pod)}/portforward?ports={self.number}"

    def __str__(self) -> str:
        return f"port {self.number} of pod {self.pod}"


class _Sent:
    """When the pod sent something last."""

    def __init__(self) -> None:
        self.at = _now()

    @property
    def left(self) -> float:
        """Seconds for which it is still awaited."""
        return self.at + LINGER_SECONDS - _now()


async def join(cluster: Cluster, port: PodPort, reader: StreamReader, writer: StreamWriter) -> None:
    """Join a local connection with a port of a pod, until one of them ends; the local one is not closed.

    Raises:
        ApiError: The API server refuses: no such pod, no right.
        AuthError: It does not know us.
        UnreachableError: There was no connection.
        DeployError: The node says why the port cannot be reached.
    """
    connection, sent = await connected(cluster, port.target, PROTOCOL, str(port)), _Sent()
    up = asyncio.create_task(_up(connection, reader))
    down = asyncio.create_task(_down(connection, port, writer, sent))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        while not down.done() and sent.left > 0:
            await asyncio.wait({down}, timeout=sent.left)
        if down.done():
            down.result()
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        with suppress(OSError, TimeoutError):
            await connection.close()


async def _up(connection: ClientConnection, reader: StreamReader) -> None:
    from websockets.exceptions import ConnectionClosed

    with suppress(ConnectionClosed, OSError):  # its other half tells why
        while data := await reader.read(CHUNK):
            await connection.send(bytes([DATA]) + data)


async def _down(connection: ClientConnection, port: PodPort, writer: StreamWriter, sent: _Sent) -> None:
    from websockets.exceptions import ConnectionClosed

    begun: set[int] = set()
    with suppress(ConnectionClosed, OSError):  # an OSError: who asked here reads no more
        async for got in connection:
            if not isinstance(got, bytes) or not got:
                continue
            channel, data = got[0], got[1:]
            if channel not in begun:
                begun.add(channel)
                data = data[_REPEATED:]
            if channel == ERROR and data:
                raise DeployError(f"{port}: {data.decode(errors='replace').strip()}")
            if channel == DATA and data:
                writer.write(data)
                await writer.drain()
                sent.at = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
