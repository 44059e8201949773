"""What an answer of a registry is taken for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from poscloud.cluster.registry.client import INDEXES, Found, UnaskedError, look_up
from poscloud.cluster.registry.reference import parse


@contextmanager
def registry(answer: Any, token: int = 0) -> Iterator[str]:
    """Serve one answer for every manifest; with ``token`` only for a token, which is answered with that status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/token"):
                self.send_response(token)
            elif token:
                self.send_response(401)
                realm = f"http://{self.headers['Host']}/token"
                self.send_header("WWW-Authenticate", f'Bearer realm="{realm}",service="x"')
            else:
                self.send_response(200)
                self.send_header("Content-Type", INDEXES[0])
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [403, 404, 500])
def test_without_a_token_nothing_is_known_of_the_image(status: int) -> None:
    with registry({}, status) as host, pytest.raises(UnaskedError, match=f"HTTP {status}"):
        look_up(parse(f"{host}/pay/core:v1"), frozenset({"amd64"}))


def test_entries_that_name_no_processor_or_manifest_are_passed_over() -> None:
    entries: list[dict[str, Any]] = [
        {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": "sha256:2", "platform": {"os": "linux"}},
        {"digest": "sha256:3"},
        {"platform": {"os": "linux", "architecture": "arm64"}},
    ]
    with registry({"manifests": entries}) as host:
        found = look_up(parse(f"{host}/pay/core:v1"), frozenset({"amd64", "arm64"}))
    assert found == Found(there=True, architectures=frozenset({"amd64"}))
