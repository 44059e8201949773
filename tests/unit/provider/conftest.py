"""A small API server on a real socket, with the answers each test gives it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from poscloud.provider.config import Access
from poscloud.provider.rest import Clock, StoppedError

Object = dict[str, Any]


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """``None`` as status cuts the connection instead of answering."""

    status: int | None = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, reason: str, message: str, **details: Any) -> Answer:
    return Answer(status, {"kind": "Status", "reason": reason, "message": message, "details": details})


class FakeServer:
    """Answers by ``answer``; remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda _: Answer()
        self.connections = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:-2])}
                data = await reader.readexactly(int(headers.get("content-length", "0")))
                path, _, query = target.partition("?")
                request = Request(method, path, query, headers, json.loads(data) if data else None)
                self.requests.append(request)
                answer = self.answer(request)
                if answer.status is None:
                    return
                body = json.dumps(answer.body).encode()
                extra = "".join(f"{key}: {value}\r\n" for key, value in answer.headers.items())
                writer.write(
                    f"HTTP/1.1 {answer.status} X\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def asked(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    listener = await asyncio.start_server(fake.handle, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield fake
    listener.close()


class FakeClock(Clock):
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)
        if self.stopped.is_set():
            raise StoppedError("stopped")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def access(server: FakeServer) -> Access:
    return Access(server.url, "test.yaml", "test", cluster={"server": server.url})
