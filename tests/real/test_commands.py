"""The daily commands on real containers: programs, files and ports in them, and a MySQL made anew."""

from __future__ import annotations

import gzip
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.real.cluster import RealCluster

pytestmark = pytest.mark.real

DESCRIBED = """\
registry: harbor.example.com/wbyh
node_selector: {node: public}
backing:
  redis: {resources: &small {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 256Mi}}}
  mysql:
    databases: [dac]
    user: dac
    init_sql:
      - "CREATE TABLE account (name VARCHAR(20))"
      - "INSERT INTO account (name) VALUES ('first')"
    resources: {requests: {cpu: 10m, memory: 128Mi}, limits: {memory: 512Mi}}
"""
ASK = 'MYSQL_PWD="$MYSQL_PASSWORD" exec mysql -h 127.0.0.1 -u dac --batch --skip-column-names dac -e "{}"'


@pytest.fixture(scope="module")
def daily(packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A Redis and a MySQL, brought up by poscloud on one real node."""
    cluster = RealCluster(tmp_path_factory.mktemp("daily"))
    (cluster.root / "stacks/daily.yaml").write_text(DESCRIBED)
    try:
        cluster.up("real")
        cluster.ok("poscloud", "up", "-s", "daily")
        yield cluster
    finally:
        cluster.down(delete=True)


def in_mysql(cluster: RealCluster, sql: str) -> list[str]:
    """Return the lines that a statement gives, asked by the service's own user."""
    words = ("poscloud", "exec", "mysql", "-s", "daily", "--", "sh", "-c", ASK.format(sql))
    return cluster.ok(*words).splitlines()


def test_everything_is_ready(daily: RealCluster) -> None:
    rows = json.loads(daily.ok("poscloud", "status", "-e", "daily", "--json"))["services"]
    assert {row["name"]: row["state"] for row in rows} == {"redis": "ready", "mysql": "ready"}


def test_a_program_runs_in_the_pod_and_its_exit_code_comes_back(daily: RealCluster) -> None:
    done = daily.run("poscloud", "exec", "redis", "-s", "daily", "--", "sh", "-c", "redis-cli ping; exit 7")
    assert (done.stdout.strip(), done.returncode) == ("PONG", 7)


def test_files_go_in_and_out(daily: RealCluster) -> None:
    (daily.root / "mine.txt").write_text("a word\n")
    daily.ok("poscloud", "cp", "mine.txt", "redis:/data/there.txt", "-s", "daily")
    daily.ok("poscloud", "cp", "redis:/data/there.txt", "back.txt", "-s", "daily")
    assert (daily.root / "back.txt").read_text() == "a word\n"


def test_a_port_of_this_machine_leads_to_the_program(daily: RealCluster) -> None:
    command = ["poscloud", "forward", "redis", "-s", "daily", "--local", "0"]
    with subprocess.Popen(
        command, cwd=daily.root, env=daily.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as forward:  # fmt: skip
        try:
            assert forward.stdout is not None
            told = next(line for line in forward.stdout if "127.0.0.1:" in line)
            (port,) = re.findall(r"127\.0\.0\.1:(\d+)", told)
            with socket.create_connection(("127.0.0.1", int(port)), 10) as client:
                client.sendall(b"PING\r\n")
                assert client.recv(99) == b"+PONG\r\n"
        finally:
            forward.send_signal(signal.SIGINT)
    assert forward.returncode == 130


def test_a_mysql_is_made_anew_and_what_it_was_is_kept(daily: RealCluster) -> None:
    in_mysql(daily, "INSERT INTO account (name) VALUES ('by hand')")
    assert in_mysql(daily, "SELECT name FROM account") == ["first", "by hand"]
    done = daily.run("poscloud", "reinit-mysql", "-s", "daily", "--confirm", "daily")
    assert done.returncode == 0, done.stdout + done.stderr
    assert in_mysql(daily, "SELECT name FROM account") == ["first"]
    (snapshot,) = daily.root.glob(".poscloud/archive/daily/*-mysql/databases.sql.gz")
    assert "by hand" in gzip.decompress(snapshot.read_bytes()).decode()
    assert "not recorded" not in daily.ok("poscloud", "db", "status", "-e", "daily")
