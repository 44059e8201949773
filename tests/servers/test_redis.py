"""The rendered Redis, run by a real one: redis.conf, start script, probes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from poscloud.render import Manifest
from poscloud.spec import EnvironmentSpec, RedisSpec
from tests.servers.confined import confined
from tests.servers.debian import packages
from tests.servers.rendered import manifest, write_config
from tests.servers.running import accepts, free_port, running, wait_until

pytestmark = pytest.mark.servers

PASSWORD = "a fake \"one\" with \\ and 'quotes' $x"


class Member:
    """The container of a rendered Redis on this machine: folders of its own, Debian's programs as the image's."""

    def __init__(self, spec: RedisSpec, home: Path) -> None:
        self.redis, self.port, self.home, self.password = (
            packages("redis-server"),
            free_port(),
            home,
            PASSWORD,
        )
        environment = EnvironmentSpec(name="a", backing={"redis": spec})
        (home / "data").mkdir()
        (home / "run").mkdir()
        pod = manifest(environment, "StatefulSet", "redis")["spec"]["template"]["spec"]
        self.container: Manifest = pod["containers"][0]
        self.here = {"/etc/redis": f"{home}/etc", "-p 6379": f"-p {self.port}", "/data/": f"{home}/data/"}
        replace = {
            "port 6379": f"port {self.port}",
            "bind 0.0.0.0": "bind 127.0.0.1",
            "dir /data": f"dir {home}/data",
        }
        if spec.with_password:
            self.here["/run/redis"] = replace["/run/redis"] = f"{home}/run"
            replace["/etc/redis"] = f"{home}/etc"
        write_config(environment, "redis-config", home / "etc", replace)

    def command(self, words: list[str]) -> list[str]:
        """Return a command of the container as it is on this machine."""
        for old, new in self.here.items():
            words = [word.replace(old, new) for word in words]
        return words

    def probe(self, name: str) -> bool:
        """Run a probe's command as it is rendered."""
        command = self.command(self.container[name]["exec"]["command"])
        return subprocess.run(command, env=self.redis.environment, check=False, timeout=10).returncode == 0

    @contextmanager
    def run(self, ready: str = "readinessProbe") -> Iterator[subprocess.Popen[bytes]]:
        environment = self.redis.environment | {"REDIS_PASSWORD": self.password, "TZ": "Asia/Shanghai"}
        volumes = {"/data": self.home / "data"}
        if "/run/redis" in self.here:
            volumes["/run/redis"] = self.home / "run"
        command = confined(self.container, self.command(self.container["command"]), self.home, volumes)
        with running(command, self.home / "log", lambda: self.probe(ready), env=environment) as process:
            yield process

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    def ask(self, *words: str, password: str = "") -> str:
        """Return what a client gets."""
        command = [str(self.redis.program("redis-cli")), "-p", str(self.port), *words]
        environment = self.redis.environment | ({"REDISCLI_AUTH": password} if password else {})
        return subprocess.run(command, env=environment, capture_output=True, text=True).stdout.strip()


def test_redis_takes_the_rendered_file_logs_to_stdout_and_keeps_what_is_set(tmp_path: Path) -> None:
    member = Member(RedisSpec(config={"databases": 3}), tmp_path)
    with member.run():
        assert member.ask("set", "a", "1") == "OK"
        assert member.ask("config", "get", "databases").split() == ["databases", "3"]
        assert member.ask("config", "get", "maxmemory").split() == ["maxmemory", str(256 * 2**20)]
        assert "Ready to accept connections" in member.log
    with member.run():
        assert member.ask("get", "a") == "1", "the append-only file was not read again"


@pytest.mark.parametrize("password", [False, True])
def test_it_is_ready_when_it_was_written_and_read_and_from_then_on_when_it_answers(
    tmp_path: Path, password: bool
) -> None:
    alone = Member(RedisSpec(password=password, config={"min-replicas-to-write": 1}), tmp_path)
    needed, word = ("config", "set", "min-replicas-to-write"), PASSWORD if password else ""
    with alone.run(ready="livenessProbe"):
        assert not alone.probe("readinessProbe")
        alone.ask(*needed, "0", password=word)
        assert alone.probe("readinessProbe")
        assert alone.ask("dbsize", password=word) == "0", "the proof is still there"
        alone.ask(*needed, "1", password=word)
        assert alone.probe("readinessProbe"), "its readers would be cut off"


def test_a_password_is_asked_for_and_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    member = Member(RedisSpec(password=True), tmp_path)
    with member.run() as process:
        assert "NOAUTH" in member.ask("set", "a", "1")
        assert "WRONGPASS" in member.ask("auth", "a-wrong-fake")
        assert member.ask("set", "a", "1", password=PASSWORD) == "OK"
        assert member.probe("livenessProbe")
        for part in ("cmdline", "environ"):
            assert PASSWORD not in Path(f"/proc/{process.pid}/{part}").read_text(), part
        for file in (tmp_path / "run").iterdir():
            assert file.stat().st_mode & 0o077 == 0, f"others may read {file.name}"
    assert PASSWORD not in member.log
    assert not member.probe("livenessProbe"), "it answers for a server that is gone"


def test_a_rotated_password_counts_from_the_next_start_on_the_same_data(tmp_path: Path) -> None:
    member = Member(RedisSpec(password=True), tmp_path)
    with member.run():
        assert member.ask("set", "a", "1", password=PASSWORD) == "OK"
    member.password = "another-fake"
    with member.run():
        assert member.ask("get", "a", password="another-fake") == "1"
        assert "WRONGPASS" in member.ask("auth", PASSWORD)
        assert member.probe("livenessProbe")


def test_while_it_reads_its_file_it_is_alive_and_not_ready(tmp_path: Path) -> None:
    member = Member(RedisSpec(password=True, config={"key-load-delay": 500}), tmp_path)
    with member.run():
        # It answers after each 1024 commands that it has read again.
        member.ask("eval", "for i=1,40000 do redis.call('set', i, 'x') end", "0", password=PASSWORD)
    with member.run(ready="livenessProbe"):
        assert accepts(member.port)
        assert "LOADING" in member.ask("ping", password=PASSWORD)
        assert not member.probe("readinessProbe")
        member.ask("config", "set", "key-load-delay", "0", password=PASSWORD)
        wait_until(lambda: member.probe("readinessProbe"), "readiness")
        assert member.ask("dbsize", password=PASSWORD) == "40000"


def test_what_does_not_fit_into_its_memory_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    member = Member(RedisSpec(resources={"limits": {"memory": "16Mi"}}), tmp_path)
    with member.run():
        member.ask("set", "first", "x")
        answers = [member.ask("setrange", str(i), str(2**20), "x") for i in range(10)]
        assert answers[0] == str(2**20 + 1)
        assert "OOM" in answers[-1]
        assert member.ask("get", "first") == "x"
