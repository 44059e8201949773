"""The rendered start of a C service, run by bash with a real program; and the fetch of one by a real git."""

from __future__ import annotations

import base64
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from poscloud.spec import CServiceSpec, EnvironmentSpec, GitSource
from tests.servers.debian import compile_c
from tests.servers.rendered import manifest, write_config
from tests.servers.running import running, wait_until

pytestmark = pytest.mark.servers

USER, PASSWORD = "posp", "not a 'real' one: \"$HOME %41"
PROGRAM = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void stop(int signal) { _exit(7); }
int main(int count, char **arguments) {
  char line[100] = "";
  FILE *file = fopen(arguments[1], "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL) return 90;
  if (strncmp(line, "exit", 4) == 0) return atoi(line + 5);
  if (strncmp(line, "handle", 6) == 0) signal(SIGTERM, stop);
  printf("read %s", line);
  fflush(stdout);
  for (;;) pause();
}
"""
FILES = {"": "wait production", ".test": "wait test", ".pre": "handle pre"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("c")
    (folder / "a.c").write_text(PROGRAM)
    compile_c(folder / "a.c", folder / "a")
    return (folder / "a").read_bytes()


class Pod:
    """The rendered pod of one C service, with folders below ``folder`` in place of its own."""

    def __init__(self, folder: Path, runenv: str, git: GitSource | None = None) -> None:
        services = {"account-confirm": CServiceSpec(runenv=runenv, git=git, filebeat=False)}
        spec = EnvironmentSpec(name="posp", services=services)
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        self.replace = {"/data": str(self.data), "/tmp/poscloud-running": str(folder / "running")}
        self.etc = write_config(spec, "account-confirm-config", folder / "etc", self.replace)
        self.log = folder / "log"
        pod = manifest(spec, "Deployment", "account-confirm")["spec"]["template"]["spec"]
        (self.container,) = pod["containers"]
        self.init = pod.get("initContainers", [])

    def command(self, container: dict[str, Any]) -> list[str]:
        words = container["command"]
        assert words[-1].startswith("/etc/poscloud/")
        return [*words[:-1], str(self.etc / Path(words[-1]).name)]

    def env(self, container: dict[str, Any], **secrets: str) -> dict[str, str]:
        env = {"PATH": os.environ["PATH"]}
        for entry in container["env"]:
            if "value" in entry:
                env[entry["name"]] = entry["value"].replace("/data", str(self.data))
            elif "secretKeyRef" in entry["valueFrom"]:
                env[entry["name"]] = secrets[entry["valueFrom"]["secretKeyRef"]["key"]]
        return env

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run the container to its end."""
        return self._run(self.container)

    def fetch(self, **secrets: str) -> subprocess.CompletedProcess[str]:
        """Run the init container."""
        (self.data / "program").mkdir(exist_ok=True)
        return self._run(self.init[0], **secrets)

    def _run(self, container: dict[str, Any], **secrets: str) -> subprocess.CompletedProcess[str]:
        env = self.env(container, **secrets)
        command = self.command(container)
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the container until its program has read its file."""
        command, env = self.command(self.container), self.env(self.container)
        with running(command, self.log, lambda: "read " in self.log.read_text(), env=env) as process:
            yield process

    def ready(self) -> bool:
        """Ask the readiness probe."""
        *words, script = self.container["readinessProbe"]["exec"]["command"]
        for old, new in self.replace.items():
            script = script.replace(old, new)
        return subprocess.run([*words, script], capture_output=True).returncode == 0


def install(pod: Pod, program: bytes, files: dict[str, str] = FILES) -> None:
    """Put program and files where an image has them."""
    for folder in ("bin", "etc"):
        (pod.data / folder).mkdir(exist_ok=True)
    (pod.data / "bin" / "account_confirm").write_bytes(program)
    for ending, text in files.items():
        (pod.data / "etc" / f"account_confirm.ini{ending}").write_text(text + "\n")


@pytest.mark.parametrize(
    ("runenv", "read"),
    [("test", "wait test"), ("pre", "handle pre"), ("prod", "wait production"), ("dev", "wait production")],
)
def test_runenv_chooses_the_file(tmp_path: Path, program: bytes, runenv: str, read: str) -> None:
    pod = Pod(tmp_path, runenv)
    install(pod, program)
    with pod.started():
        assert f"read {read}\n" in pod.log.read_text()
        assert (pod.data / "log" / "account_confirm.log").exists()


def test_an_environment_with_a_file_of_its_own_gets_that(tmp_path: Path, program: bytes) -> None:
    pod = Pod(tmp_path, "dev")
    install(pod, program, FILES | {".dev": "wait dev"})
    with pod.started():
        assert "read wait dev\n" in pod.log.read_text()


def test_a_dead_program_ends_its_container_at_once_with_its_code(tmp_path: Path, program: bytes) -> None:
    pod = Pod(tmp_path, "test")
    install(pod, program, {".test": "exit 42"})
    assert pod.run().returncode == 42
    install(pod, program)
    with pod.started() as process:
        wait_until(pod.ready, "readiness")
        os.kill(int((tmp_path / "running").read_text()), signal.SIGKILL)
        died = time.monotonic()
        assert process.wait(timeout=10) == 128 + signal.SIGKILL
        assert time.monotonic() - died < 1
        assert not pod.ready()


@pytest.mark.parametrize(("runenv", "code"), [("pre", 7), ("test", 128 + signal.SIGTERM)])
def test_the_program_is_asked_to_stop(tmp_path: Path, program: bytes, runenv: str, code: int) -> None:
    pod = Pod(tmp_path, runenv)
    install(pod, program)
    with pod.started() as process:
        process.send_signal(signal.SIGTERM)  # to the container's first process alone
        assert process.wait(timeout=10) == code


@pytest.mark.parametrize(("runenv", "other"), [("test", "pre"), ("pre", "test")])
def test_what_is_missing_is_named_with_what_is_there(
    tmp_path: Path, program: bytes, runenv: str, other: str
) -> None:
    pod = Pod(tmp_path, runenv)
    install(pod, program, {"": "wait production", f".{other}": "wait"})
    done = pod.run()
    assert done.returncode == 1
    assert f"RUNENV is {runenv}, but there is no account_confirm.ini.{runenv} in" in done.stderr
    assert f"account_confirm.ini.{other}" in done.stderr
    (pod.data / "bin" / "account_confirm").rename(pod.data / "bin" / "accp_record")
    done = pod.run()
    assert done.returncode == 1
    assert "there is no program account_confirm in" in done.stderr and "accp_record" in done.stderr


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class Forge:
    """Git over HTTP with a password, at 127.0.0.1."""

    def __init__(self, folder: Path, program: bytes) -> None:
        self.shown: list[str] = []
        work = folder / "work"
        work.mkdir(parents=True)
        git(work, "init", "-q", "-b", "master")
        self.commits: list[str] = []
        for number in ("1", "2", "3"):
            (work / "account_confirm").write_bytes(program)
            (work / "account_confirm.ini.pre").write_text(f"handle pre {number}\n")
            git(work, "add", "-A")
            git(work, "commit", "-q", "-m", number)
            self.commits.append(git(work, "rev-parse", "HEAD"))
        git(work, "tag", "-a", "-m", "release", "v2", self.commits[1])
        git(folder, "clone", "-q", "--bare", "work", "account_confirm.git")
        (folder / "project").mkdir()
        (folder / "account_confirm.git").rename(folder / "project" / "account_confirm.git")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(folder / "project"))
        self.url = f"http://127.0.0.1:{self.server.server_port}/account_confirm.git"

    def _handler(self, root: Path) -> type[BaseHTTPRequestHandler]:
        shown = self.shown
        login = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                for file in Path("/proc").glob("[0-9]*/cmdline"):
                    try:
                        words = file.read_bytes()
                    except OSError:
                        continue
                    if PASSWORD.encode() in words:
                        shown.append(words.decode(errors="replace"))
                if self.headers.get("Authorization") != login:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="forge"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                path, _, query = self.path.partition("?")
                env = {
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(root),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    "REMOTE_USER": USER,
                }
                done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True)
                head, _, content = done.stdout.partition(b"\r\n\r\n")
                fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
                self.send_response(int(fields.pop("Status", "200").split()[0]))
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer

        return Handler


@pytest.fixture
def forge(tmp_path: Path, program: bytes) -> Iterator[Forge]:
    made = Forge(tmp_path / "forge", program)
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


def source(forge: Forge, revision: str, **fields: Any) -> GitSource:
    return GitSource(repository=forge.url, revision=revision, credentials="git", **fields)


def test_exactly_the_revision_is_fetched_and_started(tmp_path: Path, forge: Forge) -> None:
    second = forge.commits[1]
    for revision in (second, second[:10], "v2"):
        pod = Pod(tmp_path, "pre", source(forge, revision))
        done = pod.fetch(
            username=USER, password=PASSWORD
        )  # the second and third time over the first one's files
        assert done.returncode == 0, done.stderr
        assert f"commit {second}" in done.stdout
    with pod.started():
        assert "read handle pre 2\n" in pod.log.read_text()
    assert forge.shown == [], "the password was in a command line"
    files = [file for file in (pod.data / "program").rglob("*") if file.is_file()]
    assert sorted(file.name for file in files) == ["account_confirm", "account_confirm.ini.pre"]
    assert files[0].parent.stat().st_mode & stat.S_IROTH, "the program's user may be another one"


def test_a_branch_is_fetched_at_its_tip(tmp_path: Path, forge: Forge) -> None:
    done = Pod(tmp_path, "pre", source(forge, "master")).fetch(username=USER, password=PASSWORD)
    assert f"commit {forge.commits[2]}" in done.stdout, done.stderr


@pytest.mark.parametrize("revision", ["0" * 40, "no-such-branch"])
def test_a_revision_that_is_not_there_is_said_so(tmp_path: Path, forge: Forge, revision: str) -> None:
    done = Pod(tmp_path, "pre", source(forge, revision)).fetch(username=USER, password=PASSWORD)
    assert done.returncode == 1
    assert f"{forge.url} has no revision {revision}; branches: master" in done.stderr


def test_a_wrong_or_missing_password_is_said_so_and_nobody_is_asked(tmp_path: Path, forge: Forge) -> None:
    wrong = Pod(tmp_path, "pre", source(forge, "master")).fetch(username=USER, password="another")
    anonymous = GitSource(repository=forge.url, revision="master")
    for done in (wrong, Pod(tmp_path, "pre", anonymous).fetch()):
        assert done.returncode == 1
        assert f"{forge.url} may not be read: see git.credentials" in done.stderr


def test_a_server_that_does_not_answer_is_not_waited_for_longer_than_allowed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.git"
        pod = Pod(tmp_path, "pre", GitSource(repository=url, revision="master", timeout=1))
        begin = time.monotonic()
        done = pod.fetch()
        assert time.monotonic() - begin < 10
    assert done.returncode == 1
    assert f"{url} did not give master within 1 s" in done.stderr
