"""A proxy in front of the API server that injects faults, request by request.

It ends TLS with a certificate of its own, so that it sees whole requests, and speaks to the API server as the
local cluster's user, with the roles that poscloud needs. Every request gets a connection of its own to the server;
that keeps the proxy simple, and what is tested does not depend on it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from poscloud.local.certificates import Pki

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Request:
    """One request that came to the proxy.

    Attributes:
        number: Counted from 1, over all requests.
        write: Counted from 1, over those that change something; 0 for the others.
        method: HTTP method.
        path: With its query.
        agent: Who asks, its User-Agent.
        token: The bearer token that came with it.
    """

    number: int
    write: int
    method: str
    path: str
    agent: str
    token: str = ""


@dataclass(frozen=True)
class Fault:
    """What happens to a request; all left out, it passes.

    Attributes:
        delay: Seconds before it is passed on.
        drop: The connection is closed, and nothing is passed on.
        cut: The request is passed on and done, and the connection is closed instead of answering.
        status: The answer, instead of passing it on.
        message: The answer's message.
        quotes: The message goes on with the request, as it is and in base64, as a careless webhook's may.
        retry_after: Seconds, in the answer's header.
        text: The whole answer, if it is no refusal.
        date: The server's clock as it tells it, in HTTP's form.
        done: Called when the server has begun to answer, before the answer is passed on.
    """

    delay: float = 0
    drop: bool = False
    cut: bool = False
    status: int = 0
    message: str = "injected"
    quotes: bool = False
    retry_after: int = 0
    text: str = ""
    date: str = ""
    done: Callable[[], None] = lambda: None


PASS = Fault()


@dataclass
class Proxy:
    """The proxy, listening on a port of 127.0.0.1 while the context lasts.

    Attributes:
        pki: Certificates of the local control plane.
        upstream: Port of the API server.
        fault: Decides about each request; called in the order they come.
        seen: Every request so far.
    """

    pki: Pki
    upstream: int
    fault: Callable[[Request], Fault] = lambda _: PASS
    seen: list[Request] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Proxy:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def kubeconfig(self, file: Path, original: Path, context: str) -> None:
        """Write a kubeconfig whose only context leads through the proxy."""
        config = json.loads(original.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        config["contexts"][0]["name"] = config["current-context"] = context
        file.write_text(json.dumps(config))

    def writes(self) -> int:
        """How many requests so far change something."""
        return sum(bool(request.write) for request in self.seen)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())

    async def _listen(self) -> None:
        self._stop = asyncio.Event()
        inside = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        inside.load_cert_chain(self.pki.certificate("apiserver"), self.pki.key("apiserver"))
        server = await asyncio.start_server(self._handle, "127.0.0.1", self.port, ssl=inside)
        self.port = server.sockets[0].getsockname()[1]
        self._outside = ssl.create_default_context(cafile=str(self.pki.certificate("ca")))
        self._outside.load_cert_chain(self.pki.certificate("user"), self.pki.key("user"))
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            body = await _body(reader, headers)
            request = self._count(lines[0], headers)
            await self._answer(request, self.fault(request), _closing(lines) + body, reader, writer)
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def _count(self, line: str, headers: dict[str, str]) -> Request:
        method, path, _ = line.split(" ")
        writes = method in WRITES and "dryRun=All" not in path and "selfsubject" not in path
        number = self.writes() + 1 if writes else 0
        token = headers.get("authorization", "").removeprefix("bearer ")
        request = Request(len(self.seen) + 1, number, method, path, headers.get("user-agent", ""), token)
        self.seen.append(request)
        return request

    async def _answer(
        self,
        request: Request,
        fault: Fault,
        data: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        await asyncio.sleep(fault.delay)
        if fault.drop:
            return
        if fault.status:
            writer.write(_refusal(fault, data))
            await writer.drain()
            return
        theirs, out = await asyncio.open_connection("127.0.0.1", self.upstream, ssl=self._outside)
        try:
            out.write(data)
            gone = asyncio.create_task(reader.read())
            while chunk := await _either(theirs.read(65536), gone):
                fault.done()
                if not fault.cut:
                    writer.write(chunk)
                    await writer.drain()
            gone.cancel()
        finally:
            out.close()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """The request's body as it came; kubectl sends some in chunks, which pass as they are."""
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    chunks = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunks += size + await reader.readexactly(int(size, 16) + len(b"\r\n"))
        if not int(size, 16):
            return chunks


async def _either(read: asyncio._CoroutineLike[bytes], gone: asyncio.Task[bytes]) -> bytes:
    """What the server sends next; nothing when the client has gone away first."""
    reading = asyncio.ensure_future(read)
    await asyncio.wait({reading, gone}, return_when=asyncio.FIRST_COMPLETED)
    if reading.done():
        return reading.result()
    reading.cancel()
    return b""


def _closing(lines: list[str]) -> bytes:
    """The request's head, asking the server to close the connection after its answer."""
    kept = [line for line in lines if line and not line.lower().startswith("connection:")]
    return "\r\n".join([*kept, "Connection: close", "", ""]).encode("latin-1")


def _refusal(fault: Fault, request: bytes) -> bytes:
    quoted = f" {request.decode()} {b64encode(request).decode()}" if fault.quotes else ""
    reason = HTTPStatus(fault.status).phrase.replace(" ", "")
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": fault.status}
    body = (
        fault.text or json.dumps({**status, "reason": reason, "message": fault.message + quoted})
    ).encode()
    retry = f"Retry-After: {fault.retry_after}\r\n" if fault.retry_after else ""
    retry += f"Date: {fault.date}\r\n" if fault.date else ""
    head = (
        f"HTTP/1.1 {fault.status} {reason}\r\nContent-Type: application/json\r\n{retry}"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
