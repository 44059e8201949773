"""The rendered script that fetches a jar, run by dash and BusyBox with the real curl, GNU wget and BusyBox wget."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poscloud.render.jar import CONFIG_PATH, CREDENTIALS_PATH, JAR_PATH
from poscloud.spec import EnvironmentSpec, JarSource, JavaServiceSpec
from tests.servers.debian import Packages, packages
from tests.servers.pods import environment
from tests.servers.rendered import manifest

pytestmark = pytest.mark.servers

JAR = b"PK jar of version 1" * 4096
SHA256 = hashlib.sha256(JAR).hexdigest()
USER, PASSWORD = "deploy", 'ex"am\\ple'
TOOLS = ("curl", "wget", "busybox")
NEEDED = ("sh", "cat", "cut", "head", "mv", "rm", "sed", "sha256sum", "tail", "tr")


class _Handler(BaseHTTPRequestHandler):
    """A store: what it answers depends on the version."""

    asked: Counter[str]

    def do_GET(self) -> None:
        version = self.path.split("/")[2]
        self.asked[self.path] += 1
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if version == "private" and self.headers.get("Authorization") != f"Basic {login}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="store"')
            self._end(b"")
        elif version == "missing" or (version == "unchecked" and self.path.endswith(".sha256")):
            self.send_response(404)
            self._end(b"no such file")
        elif version == "down" or (version == "flaky" and self.asked[self.path] < 3):
            self.send_response(503)
            self._end(b"")
        elif self.path.endswith(".sha256"):
            self.send_response(200)
            digest = "0" * 64 if version == "wrong" else SHA256.upper()
            self._end(f"{digest}  geo.jar\n".encode())
        else:
            self.send_response(200)
            self._end(JAR[:100] if version == "cut" else JAR, len(JAR))

    def _end(self, body: bytes, length: int | None = None) -> None:
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Store:
    """Where it is, and how often each path was asked for."""

    url: str
    asked: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def store() -> Iterator[Store]:
    asked: Counter[str] = Counter()
    handler = type("Handler", (_Handler,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Store(f"http://127.0.0.1:{server.server_port}", asked)
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Fetched:
    """How the init container ended."""

    code: int
    said: str
    jar: Path
    arguments: str


def fetch(
    folder: Path, tool: str, store: Store, version: str, *, login: bool = False, sha256: str = ""
) -> Fetched:
    """Run the init container of a service as it is rendered, in an image with no other tool than ``tool``."""
    source = JarSource(
        url=store.url + "/{service}/{version}/{service}.jar", jdk="x/jdk:17", sha256=sha256 or None,
        credentials="store" if login else None,
    )  # fmt: skip
    spec = EnvironmentSpec(name="a", services={"geo": JavaServiceSpec(version=version, jar=source)})
    (container,) = manifest(spec, "Deployment", "geo")["spec"]["template"]["spec"]["initContainers"]
    etc, jars, credentials = folder / "etc", folder / "jars", folder / "credentials"
    for made in (etc, jars):
        made.mkdir(exist_ok=True)
    if login:
        credentials.mkdir()
        (credentials / "username").write_text(USER)
        (credentials / "password").write_text(PASSWORD)
    script = manifest(spec, "ConfigMap", "geo-config")["data"]["fetch-jar.sh"]
    assert CREDENTIALS_PATH in script
    (etc / "fetch-jar.sh").write_text(script.replace(CREDENTIALS_PATH, str(credentials)))
    env = {n: v.replace(JAR_PATH, str(jars)) for n, v in environment(container, {}).items()}
    image = _image(folder / "bin", tool)
    command = [word.replace(CONFIG_PATH, str(etc)) for word in container["command"]]
    done = subprocess.run(
        [str(image / command[0]), *command[1:]], env={"PATH": str(image), **env}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    arguments = folder / "bin" / "arguments"
    return Fetched(
        done.returncode,
        done.stdout + done.stderr,
        jars / "geo.jar",
        arguments.read_text() if arguments.exists() else "",
    )


@cache
def _package(name: str) -> Packages:
    return packages(name)


def _image(folder: Path, tool: str) -> Path:
    """Make a folder with the programs of a small image; its wget or curl writes down its arguments."""
    folder.mkdir(exist_ok=True)
    if tool == "busybox":
        program, environment = _package("busybox"), {}
        box = program.program("busybox")
        for name in NEEDED:
            _link(folder / name, box)
        target = f"{box} wget"
    else:
        found = _package(tool)
        environment = {"LD_LIBRARY_PATH": found.environment["LD_LIBRARY_PATH"]}
        for name in NEEDED:
            at = shutil.which(name)
            assert at
            _link(folder / name, Path("/bin/dash") if name == "sh" else Path(at))
        target = str(found.program(tool))
    _link(folder / "sleep", Path("/bin/true"))  # the pauses between tries
    wrapper = folder / ("curl" if tool == "curl" else "wget")
    exports = "".join(f"export {n}='{v}'\n" for n, v in environment.items())
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {folder}/arguments\n{exports}exec {target} "$@"\n')
    wrapper.chmod(0o755)
    return folder


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_jar_is_there_once_its_checksum_is_right(tmp_path: Path, tool: str, store: Store) -> None:
    fetched = fetch(tmp_path, tool, store, "1")
    assert fetched.code == 0, fetched.said
    assert fetched.jar.read_bytes() == JAR
    assert [f.name for f in fetched.jar.parent.iterdir()] == ["geo.jar"]
    assert f"SHA-256 {SHA256}" in fetched.said


@pytest.mark.parametrize("tool", TOOLS)
def test_a_version_that_is_not_there_ends_at_once(tmp_path: Path, tool: str, store: Store) -> None:
    fetched = fetch(tmp_path, tool, store, "missing", sha256=SHA256)
    assert fetched.code == 1
    assert (
        f"there is no {store.url}/geo/missing/geo.jar (HTTP 404): version 'missing' does not exist"
        in fetched.said
    )
    assert store.asked == {"/geo/missing/geo.jar": 1}
    assert not fetched.jar.exists()


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("version", ["wrong", "cut", "down", "unchecked"])
def test_nothing_but_the_right_jar_is_ever_there(
    tmp_path: Path, tool: str, store: Store, version: str
) -> None:
    assert fetch(tmp_path, tool, store, "1").code == 0
    fetched = fetch(tmp_path, tool, store, version)
    assert fetched.code == 1
    assert not fetched.jar.exists(), "the jar of another version was left"
    if version == "wrong":
        assert f"has SHA-256 {SHA256}, but {'0' * 64} is the right one" in fetched.said
    if version == "down":
        assert "could not be fetched, 5 tries" in fetched.said
        assert store.asked["/geo/down/geo.jar.sha256"] == 5
    if version == "unchecked":
        assert "geo.jar.sha256 (HTTP 404)" in fetched.said


@pytest.mark.parametrize("tool", TOOLS)
def test_a_store_that_does_not_answer_is_asked_again(tmp_path: Path, tool: str, store: Store) -> None:
    fetched = fetch(tmp_path, tool, store, "flaky")
    assert fetched.code == 0, fetched.said
    assert fetched.jar.read_bytes() == JAR


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_credentials_reach_the_store_and_no_argument(tmp_path: Path, tool: str, store: Store) -> None:
    fetched = fetch(tmp_path, tool, store, "private", login=True)
    assert fetched.code == 0, fetched.said
    assert store.url in fetched.arguments
    assert USER not in fetched.arguments
    assert "ample" not in fetched.arguments
    assert PASSWORD not in fetched.said


def test_busybox_does_not_get_credentials(tmp_path: Path, store: Store) -> None:
    fetched = fetch(tmp_path, "busybox", store, "private", login=True)
    assert fetched.code == 1
    assert "set jar.fetcher to an image with curl or GNU wget" in fetched.said
    assert not store.asked


@pytest.mark.parametrize("tool", TOOLS)
def test_missing_credentials_end_at_once(tmp_path: Path, tool: str, store: Store) -> None:
    fetched = fetch(tmp_path, tool, store, "private")
    assert fetched.code == 1
    assert "may not be read (HTTP 401): see jar.credentials" in fetched.said
