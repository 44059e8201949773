"""Commands and shells in containers, over the real API server; simulated containers run them on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.terminal import PATIENCE, Terminal
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "visited"
EVERYTHING = """\
defaults:
  java: {filebeat: {logstash: {hosts: ["logs:5044"]}}}
backing: {mysql: {databases: [dac], init_sql: ["CREATE TABLE t (id INT)"]}}
services:
  api: {kind: java, replicas: 2}
  web: {kind: java, replicas: 2, release: {strategy: blue-green, next: v2}}
  py: {kind: python, gunicorn: {app: "yin.app:app"}, version: v1, logs_path: LOGS}
"""
LATER = f"""
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poscloud.engine.drift.command import Wanted, look
from poscloud.local.progress import ConsoleReporter

later = datetime.now(UTC) + timedelta(hours=3)
look(Path.cwd(), "{STACK}", Wanted(revert_due=True), ConsoleReporter(), print, later)
"""


@pytest.fixture(scope="module")
def logs() -> Iterator[Path]:
    """The folder of log files of ``py``, on this machine, readable for whom its simulated containers are."""
    with tempfile.TemporaryDirectory(prefix="poscloud-test-logs-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module", autouse=True)
def visited(workspace: Workspace, logs: Path) -> Iterator[None]:
    workspace.control_plane.up(runs_commands=True)
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(EVERYTHING.replace("LOGS", str(logs)))
    workspace.ok("poscloud", "up", "-s", STACK)
    yield
    workspace.ok("poscloud", "destroy", "-s", STACK)


def execute(workspace: Workspace, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return workspace.run("poscloud", "exec", "-s", STACK, *words, given=given)


def ledger(workspace: Workspace) -> list[dict[str, Any]]:
    done = workspace.run("poscloud", "drift", "-s", STACK, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return list(json.loads(done.stdout)["recorded"])


def pods(workspace: Workspace) -> dict[str, str]:
    """Return the ready pods of ``api``: name → uid."""
    found = workspace.get("pods", "-n", STACK, "-l", "app=api")["items"]
    there = [p["metadata"] for p in found if "deletionTimestamp" not in p["metadata"]]
    return {meta["name"]: meta["uid"] for meta in there}


@pytest.fixture
def terminal(workspace: Workspace) -> Iterator[Terminal]:
    found = Terminal(workspace, "shell", "api", "-s", STACK, "--for", "2h", "--reason", "look at the cache")
    yield found
    found.close()


def test_a_command_has_its_output_its_input_and_its_exit_code(workspace: Workspace) -> None:
    # Not cat: a simulated node never tells a command that its input is over.
    command = "read words; echo $words; echo oops >&2; exit 3"
    done = execute(workspace, "api", "-i", "--", "sh", "-c", command, given="words\n")
    assert (done.returncode, done.stdout) == (3, "words\n"), done.stderr
    pod = min(pods(workspace))
    assert done.stderr.splitlines() == [f"pod {pod}, container api", "oops"]
    assert ledger(workspace) == []


def test_a_shell_is_recorded_told_and_its_pod_replaced_on_time(
    workspace: Workspace, terminal: Terminal
) -> None:
    pod = min(pods(workspace))
    terminal.until(f"pod {pod}, container api")
    terminal.until("recorded: what is changed in it stays until ")
    terminal.type("stty size; echo sum-$((40 + 2)) $TERM; touch changed\n")
    terminal.until("40 132")
    terminal.until("sum-42 xterm")
    # A simulated node's terminal sends no signals; that Ctrl-C gets there as a key is what this side has to do.
    terminal.type("stty -isig -icanon; echo go-$((1 + 1)); head -c 1 | od -An -tx1; stty sane; exit 7\n")
    terminal.until("go-2")
    terminal.type("\x03")
    terminal.until(" 03")
    assert terminal.end() == 7
    (entry,) = ledger(workspace)
    assert (entry["action"], entry["name"], entry["container"], entry["why"]) == (
        "shell", pod, "api", "look at the cache",
    )  # fmt: skip
    before = pods(workspace)
    assert workspace.run("poscloud", "drift", "-s", STACK, "--revert-due").returncode == 0
    assert pods(workspace) == before
    told = workspace.ok(sys.executable, "-c", LATER)
    assert f"Pod {pod}: replaced, and with it is gone what was changed in container api" in told
    assert pod not in pods(workspace) and set(before) - {pod} <= set(pods(workspace))
    assert ledger(workspace) == []


@pytest.mark.long
def test_a_command_that_changes_something_is_recorded_until_its_pod_is_gone(workspace: Workspace) -> None:
    done = execute(workspace, "api", "--reason", "patch", "--", "touch", "changed")
    assert done.returncode == 0, done.stderr
    (entry,) = ledger(workspace)
    assert (entry["action"], entry["until"], entry["why"]) == ("exec", None, "patch")
    workspace.ok("kubectl", "-n", STACK, "delete", "pod", entry["name"], "--wait")
    assert ledger(workspace) == []


@pytest.mark.long
def test_without_an_end_the_next_up_replaces_the_pod(workspace: Workspace) -> None:
    execute(workspace, "api", "--reason", "patch", "--", "true")
    (entry,) = ledger(workspace)
    done = workspace.run("poscloud", "up", "-s", STACK)
    assert f"Pod {entry['name']}: replaced, and with it is gone" in done.stderr
    assert entry["name"] not in pods(workspace)


@pytest.mark.long
def test_a_command_that_was_not_run_is_not_recorded(workspace: Workspace) -> None:
    done = execute(workspace, "api", "--reason", "patch", "--", "no-such-program")
    assert (done.returncode, "the command was not run" in done.stderr) == (4, True), done.stderr
    assert "does not have that program" in done.stderr
    assert ledger(workspace) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["apj", "--", "true"], 1, "visited has no service 'apj' that runs pods\n  did you mean 'api'?"),
        (["web", "--", "true"], 1, "'web' of visited has 2 workloads\n  name one: web-blue, web-green"),
        (
            ["api", "-c", "fielbeat", "--", "true"],
            1,
            "the pods of api have no container 'fielbeat'\n  did you mean",
        ),
    ],
)
def test_what_is_not_there_is_told(workspace: Workspace, words: list[str], code: int, told: str) -> None:
    done = execute(workspace, *words)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr


@pytest.mark.long
def test_one_track_of_a_release_and_one_container_can_be_named(workspace: Workspace) -> None:
    done = execute(workspace, "web-green", "-c", "filebeat", "--", "echo", "here")
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr
    assert "container filebeat" in done.stderr and "pod web-green-" in done.stderr


@pytest.mark.long
def test_a_shell_without_a_terminal_is_refused(workspace: Workspace) -> None:
    done = workspace.run("poscloud", "shell", "api", "-s", STACK, given="")
    assert (done.returncode, "a shell needs a terminal" in done.stderr) == (1, True), done.stderr


@pytest.mark.long
def test_a_terminal_that_is_gone_ends_it(workspace: Workspace, terminal: Terminal) -> None:
    terminal.type("echo ready-$((1 + 1))\n")
    terminal.until("ready-2")
    terminal.process.send_signal(1)
    terminal.until("the terminal is gone")
    assert terminal.end() == 4


@pytest.mark.long
def test_no_command_begins_as_root_or_with_this_shells_variables(workspace: Workspace) -> None:
    done = workspace.run(
        "poscloud", "exec", "api", "-s", STACK, "--", "sh", "-c", "id -u; ls -A; env", POSCLOUD_X="1"
    )
    user, *rest = done.stdout.splitlines()
    assert user == ("65534" if os.geteuid() == 0 else str(os.geteuid()))
    assert not [line for line in rest if line.startswith(("POSCLOUD_X", "PULUMI_", "KUBECONFIG"))]


@pytest.mark.long
def test_it_is_off_until_somebody_switches_it_on(workspace: Workspace) -> None:
    workspace.ok("poscloud", "cluster", "up", "--no-run-commands")
    try:
        done = execute(workspace, "api", "--", "true")
        assert (done.returncode, "poscloud cluster up --run-commands" in done.stderr) == (4, True), (
            done.stderr
        )
    finally:
        workspace.ok("poscloud", "cluster", "up", "--run-commands")


class Forwarding:
    """``poscloud forward`` while it runs."""

    def __init__(self, workspace: Workspace, *words: str) -> None:
        self.process = subprocess.Popen(
            ["poscloud", "forward", *words, "-s", STACK], cwd=workspace.root, env=workspace.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout and self.process.stderr
        host, _, port = self.process.stdout.readline().partition(":")
        assert host == "127.0.0.1", self.process.stderr.read()
        self.port = int(port)

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def until(self, text: str) -> str:
        """Return the next line that has a text."""
        assert self.process.stderr
        for line in self.process.stderr:
            if text in line:
                return line
        raise AssertionError(f"it ended without {text!r}")

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@pytest.fixture
def forwarding(workspace: Workspace) -> Iterator[Forwarding]:
    found = Forwarding(workspace, "api", "9090")
    yield found
    found.process.kill()
    found.process.wait()


def answered(connection: socket.socket, data: bytes) -> bool:
    """Whether a port of a simulated pod answers what it is sent."""
    connection.sendall(data)
    got = b""
    while len(got) < len(data) and (part := connection.recv(100_000)):
        got += part
    return got == data


def test_a_forwarded_port_serves_several_and_goes_on_with_the_next_pod(
    workspace: Workspace, forwarding: Forwarding
) -> None:
    pod = min(pods(workspace))
    assert f"pod {pod}, container api" in forwarding.until("pod ")
    assert forwarding.until("Ctrl-C ends it").startswith(f"127.0.0.1:{forwarding.port} leads to port 9090")
    with forwarding.connected() as one, forwarding.connected() as other:
        assert answered(one, b"one") and answered(other, os.urandom(1_000_000)) and answered(one, b"more")
        workspace.ok("kubectl", "-n", STACK, "delete", "pod", pod, "--wait")
        assert forwarding.until("is gone") == f"pod {pod} is gone, and 2 connections with it\n"
        assert one.recv(100) == b""
    taken = forwarding.until("container api").split()[1].rstrip(",")
    assert taken != pod
    with forwarding.connected() as next_one:
        assert answered(next_one, b"next")
        assert forwarding.end() == 130
    with pytest.raises(ConnectionRefusedError):
        forwarding.connected()


@pytest.mark.long
def test_a_local_port_that_is_taken_and_a_port_that_is_none_are_told(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = workspace.run("poscloud", "forward", "api", "--local", port, "-s", STACK)
        assert (done.returncode, f"port {port} of this machine is taken" in done.stderr) == (1, True), (
            done.stderr
        )
    done = workspace.run("poscloud", "forward", "api", "htpt", "-s", STACK)
    assert (done.returncode, "api has no port 'htpt'\n  did you mean 'http'?" in done.stderr) == (1, True), (
        done.stderr
    )


def test_what_is_copied_into_a_pod_comes_back_and_is_recorded(workspace: Workspace, tmp_path: Path) -> None:
    """Simulated pods share one folder, in which their commands begin."""
    source = tmp_path / "fix"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "data").write_bytes(os.urandom(1_000_000))
    done = workspace.run("poscloud", "cp", str(source), "api:.", "-s", STACK, "--reason", "try the fix")
    assert done.returncode == 0, done.stderr
    (entry,) = ledger(workspace)
    pod = entry["name"]
    assert (entry["action"], entry["why"], pod in pods(workspace)) == ("cp", "try the fix", True)
    assert f"pod {pod}, container api\n" in done.stderr and "copied: 1 file, 1000000 bytes" in done.stderr
    done = workspace.run("poscloud", "cp", "api:fix", str(tmp_path / "back"), "-s", STACK)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back/deep/data").read_bytes() == (source / "deep/data").read_bytes()
    for words in (("api:no-such", "x"), (str(source), "api:/no/such/folder/")):
        done = workspace.run("poscloud", "cp", *words, "-s", STACK)
        assert (done.returncode, "nothing was copied: no such f" in done.stderr) == (4, True), done.stderr
    assert ledger(workspace) == [entry], "what did nothing is not recorded"
    workspace.ok("kubectl", "-n", STACK, "delete", "pod", pod, "--wait")


def test_databases_are_looked_for_in_their_pod(workspace: Workspace) -> None:
    """No MySQL runs in a simulated container; what one answers, tests/servers/test_reinit_mysql.py tells."""
    for words in (("db", "status"), ("reinit-mysql", "--preview"), ("reinit-mysql", "--confirm", STACK)):
        done = workspace.run("poscloud", *words, "-s", STACK)
        assert done.returncode == 4, done.stderr
        assert (
            "MySQL in pod mysql-0 does not answer: " in done.stderr and "MYSQL_ROOT_PASSWORD" in done.stderr
        )
    done = workspace.run("poscloud", "db", "status", "mysq", "-s", STACK)
    assert (done.returncode, "did you mean 'mysql'?" in done.stderr) == (2, True), done.stderr


def test_log_files_are_shown_with_what_goes_to_stdout_and_followed(workspace: Workspace, logs: Path) -> None:
    """Whose folder is none, of ``api``, is told, and nothing else of it is missing."""
    log, now = logs / "py.log", f"{datetime.now():%Y-%m-%d %H:%M:%S}"
    log.write_text(f"2020-01-01 00:00:00 INFO old\n{now} ERROR bad\njava.io.IOException: gone\n")
    done = workspace.run("poscloud", "logs", "py", "-s", STACK, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["line"] for line in lines if line.get("file") == "py.log"][-1] == "java.io.IOException: gone"
    assert lines[0]["line"] == "2020-01-01 00:00:00 INFO old" and any("file" not in line for line in lines)
    found = json.loads(workspace.run("poscloud", "error-logs", "py", "-s", STACK, "--json").stdout)["errors"]
    assert [error["title"] for error in found if "bad" in error["title"]], found
    done = workspace.run("poscloud", "logs", "api", "-s", STACK)
    assert "log files of api-" in done.stderr and "are left out: " in done.stderr and done.stdout

    with subprocess.Popen(
        ["poscloud", "logs", "py", "-f", "--tail", "1", "-s", STACK], cwd=workspace.root,
        env=workspace.environment(), stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        for wanted in ("gone", "new", "after rotation"):
            line = next(line for line in process.stdout if line.endswith(f"{wanted}\n"))
            assert ":py.log | " in line
            if wanted == "gone":
                with log.open("a") as file:
                    file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} INFO new\n")
            elif wanted == "new":
                log.rename(logs / "py.log.1")
                log.write_text(f"{datetime.now():%Y-%m-%d %H:%M:%S} INFO after rotation\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
