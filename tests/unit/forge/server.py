"""A web server on 127.0.0.1 that answers as a forge's API does, and goes wrong when told to."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "not-a-real-token-0123456789"


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    data: Any


@dataclass(frozen=True)
class Answer:
    """What is answered: data as JSON, text as it is."""

    status: int
    data: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with one request.

    Attributes:
        method: The next request with this method is hit.
        answer: Sent instead of the real answer; None cuts the connection.
        done: Whether the request is carried out all the same.
        half: The answer breaks off in its middle.
    """

    method: str
    answer: Answer | None = None
    done: bool = False
    half: bool = False


class ApiServer(ABC):
    """The server; a context that it runs in."""

    def __init__(self) -> None:
        self.troubles: list[Trouble] = []
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Carry a request out."""

    def asked(self, method: str) -> list[str]:
        """Return the paths that were asked for with a method."""
        return [request.path for request in self.requests if request.method == method]

    def secure(self, certificate: Path, key: Path) -> None:
        """Speak TLS from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http://", "https://")

    def __enter__(self) -> ApiServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paged(
        self, items: list[Any], request: Request, length: str, longest: int
    ) -> tuple[list[Any], int | None]:
        """Return a page, and the number of the next one."""
        size = min(int(request.query.get(length, 20)), longest)
        page = int(request.query.get("page", 1))
        return items[(page - 1) * size : page * size], page + 1 if page * size < len(items) else None

    def _take(self, method: str) -> Trouble | None:
        found = next((trouble for trouble in self.troubles if trouble.method == method), None)
        if found:
            self.troubles.remove(found)
        return found

    def meets(self, request: Request) -> tuple[Answer | None, bool]:
        """Return what a request is answered, and whether only half of it is sent."""
        with self._lock:
            self.requests.append(request)
            trouble = self._take(request.method)
            done = trouble is None or trouble.done or trouble.half
            answer = self.answer(request) if done else None
        if trouble is None or trouble.half:
            return answer, trouble is not None
        return trouble.answer, False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, api: ApiServer, *rest: Any) -> None:
        self.api = api
        super().__init__(*rest)

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = json.loads(body) if body else None
        query = dict(parse_qsl(parts.query))
        answer, half = self.api.meets(Request(self.command, parts.path, query, dict(self.headers), data))
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        text = isinstance(answer.data, str)
        content = (answer.data if text else json.dumps(answer.data)).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/html" if text else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if half else content)
        self.close_connection = half

    do_GET = do_POST = do_PUT = do_PATCH = serve
