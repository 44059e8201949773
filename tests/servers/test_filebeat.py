"""The rendered filebeat.yml, read and obeyed by Filebeat 7.17.28 itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from poscloud.local.versions import sources
from poscloud.spec import (
    EnvironmentSpec,
    FilebeatSidecar,
    JavaServiceSpec,
    KafkaSpec,
    MultilineSpec,
    RedisSpec,
    ZooKeeperSpec,
)
from tests.servers.debian import packages
from tests.servers.golang import build
from tests.servers.kafka import running_kafka, topics_job
from tests.servers.rendered import manifest, write_config
from tests.servers.running import free_port, running, wait_until

pytestmark = pytest.mark.servers

VERSION = "7.17.28"
PACKAGE = "github.com/elastic/beats/v7/filebeat"
PASSWORD = {"secret": "elk", "key": "password"}
VARIANTS: dict[str, dict[str, Any]] = {
    "as it is by default": {},
    "document 000": {"redis": {}, "multiline": "bracket", "tags": ["posp_trade_c"], "pod_fields": False},
    "redis outside": {"redis": {"hosts": ["127.0.0.1:1"], "datatype": "channel", "password": PASSWORD}},
    "elasticsearch": {"elasticsearch": {"hosts": ["http://127.0.0.1:1"]}},
    "elasticsearch with index": {
        "elasticsearch": {
            "hosts": ["https://127.0.0.1:1"],
            "index": "applog-%{+yyyy.MM.dd}",
            "username": "filebeat",
            "password": PASSWORD,
        }
    },
    "logstash": {"logstash": {"hosts": ["127.0.0.1:1"]}},
    "stack traces": {"multiline": "java", "paths": ["/mnt/*.log", "/mnt/*/*.log"]},
    "each line an event": {"multiline": "none", "level": "debug"},
    "a pattern of one's own": {"multiline": {"pattern": "^END", "negate": True, "match": "before"}},
}


def environment(sidecar: dict[str, Any]) -> EnvironmentSpec:
    """Return an environment with one service and what its sidecar may write to."""
    filebeat = FilebeatSidecar.model_validate({"version": VERSION, **sidecar})
    backing = {"zookeeper": ZooKeeperSpec(), "kafka": KafkaSpec(), "redis": RedisSpec()}
    services = {"confirm": JavaServiceSpec(filebeat=filebeat)}
    return EnvironmentSpec(name="posp", backing=backing, services=services)


class Sidecar:
    """The rendered sidecar of the service ``confirm``, with folders of this machine in place of its own."""

    def __init__(self, spec: EnvironmentSpec, folder: Path, replace: dict[str, str], **env: str) -> None:
        self.logs, self.folder = folder / "mnt", folder
        self.logs.mkdir(exist_ok=True)
        write_config(spec, "confirm-filebeat-config", folder / "etc", {"/mnt": str(self.logs), **replace})
        (folder / "etc" / "filebeat.yml").chmod(0o644)  # as a ConfigMap is mounted
        pod = manifest(spec, "Deployment", "confirm")["spec"]["template"]["spec"]
        (container,) = [c for c in pod["containers"] if c["name"] == "filebeat"]
        program, *arguments = container["command"]
        assert program == "filebeat"
        at = arguments.index("/etc/filebeat/filebeat.yml")
        arguments[at] = str(folder / "etc" / "filebeat.yml")
        self.command = [str(build("filebeat", PACKAGE, within=sources())), *arguments]
        given = {"POD_IP": "10.244.1.7", **env}
        self.env = {"PATH": "/usr/bin", **{e["name"]: given[e["name"]] for e in container["env"]}}

    @contextmanager
    def shipping(self, seconds: float = 60) -> Iterator[None]:
        """Run it as the container does."""
        log = self.folder / "filebeat.log"
        with running(
            self.command, log, lambda: b"Harvester started" in log.read_bytes(), env=self.env, seconds=seconds
        ):
            yield


@pytest.mark.parametrize("variant", VARIANTS)
def test_filebeat_reads_a_file_with_every_variant(tmp_path: Path, variant: str) -> None:
    # Not `filebeat test config`, which takes a wrong pattern and an unknown variable too.
    sidecar = Sidecar(environment(VARIANTS[variant]), tmp_path, {}, **passwords())
    (sidecar.logs / "a.log").write_text("one\n")
    with sidecar.shipping():
        pass


@pytest.mark.parametrize("wrong", ["([", "a*+", r"a\Z", r"(?<=x)y", "a{2,1}", r"\h", ")"])
def test_filebeat_refuses_the_patterns_that_the_spec_refuses(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match="RE2"):
        MultilineSpec(pattern=wrong)
    rule = MultilineSpec.model_construct(pattern=wrong, negate=True, match="after")
    spec = environment({})
    sidecar = FilebeatSidecar(version=VERSION).model_copy(update={"multiline": rule})
    services = {"confirm": spec.services["confirm"].model_copy(update={"filebeat": sidecar})}
    broken = Sidecar(spec.model_copy(update={"services": services}), tmp_path, {})
    (broken.logs / "a.log").write_text("one\n")
    # It says so and ends, or hangs in ending; never does it begin to read, which takes it a second.
    with pytest.raises(AssertionError, match=r"ended with 1|was not ready"), broken.shipping(seconds=10):
        pass


@pytest.mark.parametrize(
    "good", [r"(?i:e)r\pL+\p{Greek}", r"\QA(*\E+\z", "[^[:^alpha:]x+*+]", r"a(?i)\x{263a}b"]
)
def test_filebeat_takes_the_patterns_that_only_go_writes(tmp_path: Path, good: str) -> None:
    sidecar = Sidecar(environment({"multiline": {"pattern": good}}), tmp_path, {})
    (sidecar.logs / "a.log").write_text("one\n")
    with sidecar.shipping():
        pass


def passwords(value: str = "not-a-real-one") -> dict[str, str]:
    return {"REDIS_PASSWORD": value, "ELASTICSEARCH_PASSWORD": value}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    command = [server.packages.program("redis-server"), server.config]
    with running(command, server.log, lambda: server.ask("ping") == "PONG", env=server.packages.environment):
        yield server


class RedisServer:
    """A Redis with a password that Filebeat would take for a list, were it not quoted."""

    password = '0123,[a] "b" $HOME ${HOME}'

    def __init__(self, folder: Path) -> None:
        self.packages, self.port = packages("redis-server"), free_port()
        self.config, self.log = folder / "redis.conf", folder / "redis.log"
        quoted = self.password.replace('"', '\\"')
        self.config.write_text(f'bind 127.0.0.1\nport {self.port}\nsave ""\nrequirepass "{quoted}"\n')

    def ask(self, *words: str) -> str:
        command = [str(self.packages.program("redis-cli")), "-p", str(self.port), *words]
        env = {**self.packages.environment, "REDISCLI_AUTH": self.password}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout.strip()

    def events(self, key: str = "logstash:redis") -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ask("lrange", key, "0", "-1").splitlines()]


def shipper(folder: Path, redis: RedisServer, **fields: Any) -> Sidecar:
    """Return a sidecar that ships to a Redis outside its environment."""
    redis.ask("flushall")
    target = {"hosts": ["10.0.116.62"], "password": PASSWORD}
    spec = environment({"redis": target, **fields})
    replace = {"10.0.116.62": f"127.0.0.1:{redis.port}"}
    return Sidecar(spec, folder, replace, REDIS_PASSWORD=redis.password)


def messages(redis: RedisServer) -> list[str]:
    return [event["message"] for event in redis.events()]


def test_events_of_several_lines_reach_the_list_once_with_tags_and_fields(
    tmp_path: Path, redis: RedisServer
) -> None:
    sidecar = shipper(
        tmp_path, redis, multiline="bracket", tags=["posp_trade_c", "pre"], fields={"region": "sh"}
    )
    log = sidecar.logs / "account_confirm.log"
    log.write_text("[10:00:00] first\n  of two lines\n[10:00:01] second\n")
    with sidecar.shipping():
        wait_until(lambda: len(redis.events()) == 2, "two events in the list")
    first, second = redis.events()
    assert first["message"] == "[10:00:00] first\n  of two lines"
    assert second["message"] == "[10:00:01] second"
    assert first["tags"] == ["posp_trade_c", "pre"]
    wanted = {"namespace": "posp", "service-name": "confirm", "pod-ip": "10.244.1.7", "region": "sh"}
    assert first["fields"] == wanted
    with log.open("a") as file:
        file.write("[10:00:02] third\n")
    with sidecar.shipping():  # a restarted container goes on where it was
        wait_until(lambda: "[10:00:02] third" in messages(redis), "the third event")
    assert len(redis.events()) == 3


def test_an_event_has_no_fields_where_only_tags_are_wanted(tmp_path: Path, redis: RedisServer) -> None:
    sidecar = shipper(tmp_path, redis, pod_fields=False, tags=["posp_trade_c"], multiline="none")
    (sidecar.logs / "a.log").write_text("one\n")
    with sidecar.shipping():
        wait_until(lambda: len(redis.events()) == 1, "an event in the list")
    (event,) = redis.events()
    assert "fields" not in event and event["tags"] == ["posp_trade_c"]


JAVA = """\
10:00:00 ERROR could not confirm
java.lang.IllegalStateException: no terminal
	at posp.Confirm.run(Confirm.java:42)
	at java.lang.Thread.run(Thread.java:748)
	Suppressed: java.io.IOException: closed
		at posp.Line.close(Line.java:7)
Caused by: posp.TerminalException
	... 2 more
10:00:01 INFO next
"""
RULES: dict[str, tuple[Any, str, list[str]]] = {
    "timestamp": (
        "timestamp",
        "2018-10-30 12:00:00.000 a\n b\n2018-10-30 12:00:01.000 c\n",
        ["2018-10-30 12:00:00.000 a\n b", "2018-10-30 12:00:01.000 c"],
    ),
    "java": ("java", JAVA, [JAVA.removesuffix("\n10:00:01 INFO next\n"), "10:00:01 INFO next"]),
    "none": ("none", "a\n b\n", ["a", " b"]),
    "of one's own": (
        {"pattern": "^END", "match": "before"},
        "a\nb\nEND 1\nc\nEND 2\n",
        ["a\nb\nEND 1", "c\nEND 2"],
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_lines_are_joined_by_each_rule(tmp_path: Path, redis: RedisServer, rule: str) -> None:
    multiline, text, wanted = RULES[rule]
    sidecar = shipper(tmp_path, redis, multiline=multiline)
    (sidecar.logs / "a.log").write_text(text)
    with sidecar.shipping():
        wait_until(lambda: len(redis.events()) >= len(wanted), "all events in the list")
    assert messages(redis) == wanted


def test_a_password_with_a_quote_is_an_error_and_not_another_password(
    tmp_path: Path, redis: RedisServer
) -> None:
    sidecar = shipper(tmp_path, redis)
    sidecar.env["REDIS_PASSWORD"] = "a'b"
    command = [*sidecar.command]
    done = subprocess.run(command, env=sidecar.env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "output.redis.password" in done.stderr


@pytest.mark.parametrize("version", ["3.9.1", "4.1.0"])
def test_events_reach_the_topic_of_a_kafka_of_the_environment(tmp_path: Path, version: str) -> None:
    kafka = {"kind": "kafka", "version": version, "topics": {"applog": {"partitions": 1}}}
    backing: dict[str, Any] = {"kafka": kafka}
    if version < "4":
        backing["zookeeper"] = {"kind": "zookeeper"}
    services = {"confirm": {"kind": "java", "filebeat": {"version": VERSION, "multiline": "bracket"}}}
    spec = EnvironmentSpec.model_validate({"name": "posp", "backing": backing, "services": services})
    with running_kafka(spec, "kafka", tmp_path, advertise_addresses=True) as cluster:
        cluster.run(*topics_job(spec, "kafka"))
        hosts = {"kafka-0.kafka.posp.svc.cluster.local": cluster.members[0].address}
        sidecar = Sidecar(spec, tmp_path, hosts)
        (sidecar.logs / "a.log").write_text("[10:00:00] first\n  of two lines\n[10:00:01] second\n")
        with sidecar.shipping():
            got = cluster.run(
                "kafka-console-consumer.sh", "--bootstrap-server", cluster.servers, "--topic", "applog",
                "--from-beginning", "--max-messages", "2", "--timeout-ms", "180000",
            )  # fmt: skip
    events = [json.loads(line) for line in got.splitlines() if line.startswith("{")]
    assert [e["message"] for e in events] == ["[10:00:00] first\n  of two lines", "[10:00:01] second"]
    assert events[0]["fields"]["service-name"] == "confirm"
