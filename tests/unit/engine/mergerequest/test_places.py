"""Where a baseline is kept: a folder, and a web server with TLS. A bucket is in tests/servers/test_s3.py."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poscloud.engine.mergerequest.places import Place, place_of
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.local.certificates import Pki
from tests.servers.running import free_port


def place(address: str, root: Path) -> Place:
    found = place_of(root, "shop", "dev", address, {})
    assert found is not None
    return found


def test_a_folder_is_the_projects_unless_it_is_absolute(tmp_path: Path) -> None:
    for address, folder in (("base", tmp_path / "base"), (str(tmp_path / "b"), tmp_path / "b")):
        there = place(address, tmp_path)
        assert there.read() is None
        there.write(b"one")
        there.write(b"two")
        assert (there.read(), str(there)) == (b"two", str(folder / "shop" / "dev.json"))
        assert [f.name for f in folder.rglob("*") if f.is_file()] == ["dev.json"]


def test_a_folder_that_cannot_be_written_keeps_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "base").write_text("a file")
    with pytest.raises(DeployError, match="the baseline's place cannot be read or written"):
        place("base", tmp_path).write(b"x")
    assert (tmp_path / "base").read_text() == "a file"


def test_the_variable_goes_before_the_description(tmp_path: Path) -> None:
    variables = {"POSCLOUD_BASELINE": "https://h.example/b?x=y"}
    assert (
        str(place_of(tmp_path, "shop", "dev", "base", variables)) == "https://h.example/b/shop/dev.json?x=y"
    )
    assert place_of(tmp_path, "shop", "dev", None, {"POSCLOUD_BASELINE": ""}) is None


@pytest.mark.parametrize("wrong", ["http://h/b", "ftp://h", "s3://", "https://user:word@h/b", " ", "a\nb"])
def test_what_is_no_place_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(PosCloudError, match="POSCLOUD_BASELINE is no place for a baseline: ") as error:
        place_of(tmp_path, "shop", "dev", None, {"POSCLOUD_BASELINE": wrong})
    assert "word" not in error.value.message


@contextmanager
def served(folder: Path, answers: dict[str, tuple[int, bytes]]) -> Iterator[int]:
    """Serve contents by path with TLS, and return the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    pki = Pki(folder / "pki")
    pki.ensure()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki.certificate("apiserver"), pki.key("apiserver"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_a_web_server_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pki" / "ca.crt"))
    answers = {
        "/b/shop/dev.json": (200, b"document"),
        "/private/shop/dev.json": (403, b""),
        "/broken/shop/dev.json": (500, b""),
    }
    with served(tmp_path, answers) as port:
        address = f"https://127.0.0.1:{port}"
        assert place(f"{address}/b/", tmp_path).read() == b"document"
        assert place(f"{address}/none", tmp_path).read() is None
        with pytest.raises(AuthError, match="HTTP 403"):
            place(f"{address}/private", tmp_path).read()
        with pytest.raises(DeployError, match="HTTP 500") as error:
            place(f"{address}/broken", tmp_path).read()
        assert "POSCLOUD_BASELINE" in error.value.hint
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(DeployError, match="CERTIFICATE_VERIFY_FAILED"):
            place(f"{address}/b", tmp_path).read()


def test_a_web_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"cannot be read: .*refused"):
        place(f"https://127.0.0.1:{free_port()}/b", tmp_path).read()


def test_a_web_server_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(PosCloudError, match="https:// is only read") as error:
        place("https://h.example/b", tmp_path).write(b"x")
    assert "the folder or the bucket behind it" in error.value.hint
