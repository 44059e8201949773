"""One HTTP/1.1 connection, and how long an answer on it may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import h11

from poscloud.provider.shape import NotUnderstoodError

# Bytes of an answer, and of one event of a watch. An object has at most 1.5 MB (etcd), a list is of one namespace.
LONGEST_ANSWER = 64 * 1024 * 1024
ANSWER_TIMEOUT = 60.0
"""Seconds for the head of an answer, and for the rest of it; for each part of one that is read as it comes."""
LONGEST_EVENT = 8 * 1024 * 1024


class Connection:
    """One HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.http = reader, writer, h11.Connection(h11.CLIENT)
        self.used = False

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        """Write one request."""
        fields = [*headers.items(), ("Content-Length", str(len(body)))]
        data = self.http.send(h11.Request(method=method, target=target, headers=fields)) or b""
        data += self.http.send(h11.Data(data=body)) or b""
        self.writer.write(data + (self.http.send(h11.EndOfMessage()) or b""))
        await self.writer.drain()

    async def event(self) -> Any:
        """The next event of the answer; ``ConnectionResetError`` where it is cut off."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.reader.read(65536))
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("connection closed before the answer")
        return event

    async def data(self) -> bytes:
        """What has come of the answer, waiting for some; empty at its end."""
        parts: list[bytes] = []
        while self.http.their_state is h11.SEND_BODY:  # cut off in it, it raises
            event = self.http.next_event()
            if isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif event is h11.NEED_DATA:
                if parts:
                    break
                self.http.receive_data(await self.reader.read(65536))
        return b"".join(parts)

    def recycle(self) -> bool:
        """Make ready for the next request; ``False`` when the connection cannot be used again."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        self.used = True
        return True

    def close(self) -> None:
        """Drop it."""
        self.writer.close()


async def head_of(connection: Connection) -> h11.Response:
    """The head of the answer, once the informational ones have passed."""
    while not isinstance(event := await connection.event(), h11.Response):
        pass
    return event


async def body_of(connection: Connection) -> bytes:
    """The whole answer.

    Raises:
        NotUnderstoodError: It is longer than any that an API server gives.
    """
    parts, length = [], 0
    async with asyncio.timeout(ANSWER_TIMEOUT):
        while isinstance(event := await connection.event(), h11.Data):
            parts.append(bytes(event.data))
            length += len(event.data)
            if length > LONGEST_ANSWER:
                raise NotUnderstoodError(f"an answer of the API server has more than {LONGEST_ANSWER} bytes")
    return b"".join(parts)


async def parts_of(connection: Connection) -> AsyncIterator[bytes]:
    """The answer in parts as they come, however long it is."""
    while True:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            event = await connection.event()
        if not isinstance(event, h11.Data):
            return
        yield bytes(event.data)
