"""Jar versions that do not exist are told before anything is made; a store that is silent is only a note."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poscloud.engine.description import check_versions, describe, load_checked
from poscloud.errors import InputError
from tests.unit.conftest import Project

FILES = {
    "/geo/1.jar": 200, "/geo/1.jar.sha256": 200, "/api/1.jar": 200, "/private/1.jar": 401, "/private/1.jar.sha256": 401,
}  # fmt: skip


class Store(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        if self.path.startswith("/slow/"):
            time.sleep(1.5)
        login = self.headers.get("Authorization") == "Basic YTpleGFtcGxl"
        self.send_response(200 if login and "private" in self.path else FILES.get(self.path, 404))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def notes(project: Project, text: str) -> list[str]:
    project.write("env.yaml", text)
    load_checked(project.root, "env")
    found: list[str] = []
    check_versions(describe(project.root, "env"), found.append)
    return found


def java(store: str, services: str) -> str:
    jar = f'{{url: "{store}/{{service}}/{{version}}.jar", jdk: "x/jdk:17"}}'
    return f"defaults: {{java: {{version: '1', jar: {jar}}}}}\nservices:\n{services}"


def test_versions_and_checksums_that_are_not_there_are_told_at_their_places(
    project: Project, store: str
) -> None:
    with pytest.raises(InputError) as caught:
        notes(
            project,
            java(store, "  geo: {kind: java, version: '2'}\n  api: java\n  web: {kind: java, jar: null}\n"),
        )
    first, second = caught.value.problems
    assert (first.line, first.column) == (1, 38)
    assert f"{store}/api/1.jar has no checksum" in first.message
    assert (second.line, second.column, second.code) == (3, 30, "unknown-version")
    assert second.message == f"version '2' of geo does not exist: there is no {store}/geo/2.jar"


def test_a_store_that_wants_a_password_is_a_note_and_asked_with_that_of_netrc(
    project: Project, store: str, tmp_path: Path
) -> None:
    text = java(store, "  private: java\n")
    assert notes(project, text) == [
        f"{store} could not be asked for 2 files: HTTP 401: it wants a password, which is taken from ~/.netrc"
    ]
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password example\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert notes(project, text) == []


def test_a_store_that_is_not_there_is_a_note(project: Project) -> None:
    (note,) = notes(project, java("http://127.0.0.1:9", "  geo: java\n"))
    assert note.startswith("http://127.0.0.1:9 could not be asked for 2 files: ")


def test_slow_stores_are_waited_for_only_so_long(project: Project, store: str) -> None:
    from poscloud.engine.jars import check_jars

    project.write("env.yaml", java(store, "  slow: java\n"))
    began = time.monotonic()
    findings, (note,) = check_jars(load_checked(project.root, "env"), seconds=0.2)
    assert time.monotonic() - began < 1.4
    assert not findings
    assert "could not be asked for 2 files" in note


def test_next_versions_are_asked_for_too(project: Project, store: str) -> None:
    release = "{strategy: canary, next: '3'}"
    with pytest.raises(InputError) as caught:
        notes(project, java(store, f"  geo: {{kind: java, replicas: 2, release: {release}}}\n"))
    assert {p.line for p in caught.value.problems} == {3}
    assert "version '3' of geo" in str(caught.value)


def test_a_store_that_speaks_no_http_is_a_note_at_once(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                client, _address = server.accept()
                with client:
                    client.recv(4096)
                    client.sendall(b"garbage\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        begin = time.monotonic()
        (note,) = notes(project, java(f"http://127.0.0.1:{server.getsockname()[1]}", "  geo: java\n"))
    assert note.endswith("no answer of HTTP (BadStatusLine)")
    assert time.monotonic() - begin < 4
