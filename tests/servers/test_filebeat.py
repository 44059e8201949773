"""The rendered filebeat.yml, read and obeyed by Filebeat 7.17.28 itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from poscloud.spec import (
    EnvironmentSpec,
    FilebeatSidecar,
    JavaServiceSpec,
    KafkaSpec,
    RedisSpec,
    ZooKeeperSpec,
)
from tests.servers.golang import build
from tests.servers.rendered import manifest, write_config
from tests.servers.running import running

pytestmark = pytest.mark.servers

VERSION = "7.17.28"
PACKAGE = "github.com/elastic/beats/v7/filebeat"
PASSWORD = {"secret": "elk", "key": "password"}
VARIANTS: dict[str, dict[str, Any]] = {
    "as it is by default": {},
    "document 000": {"redis": {}, "multiline": "bracket", "tags": ["posp_trade_c"], "pod_fields": False},
    "redis outside": {"redis": {"hosts": ["10.0.116.62"], "datatype": "channel", "password": PASSWORD}},
    "elasticsearch": {"elasticsearch": {"hosts": ["http://10.31.222.120:9200"]}},
    "elasticsearch with index": {
        "elasticsearch": {
            "hosts": ["https://10.31.222.120:9200"],
            "index": "applog-%{+yyyy.MM.dd}",
            "username": "filebeat",
            "password": PASSWORD,
        }
    },
    "logstash": {"logstash": {"hosts": ["10.31.222.121:5044"]}},
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
        self.command = [str(build("filebeat", PACKAGE)), *arguments]
        given = {"POD_IP": "10.244.1.7", **env}
        self.env = {"PATH": "/usr/bin", **{e["name"]: given[e["name"]] for e in container["env"]}}

    def test(self, what: str) -> subprocess.CompletedProcess[str]:
        """Run ``filebeat test``."""
        command = [self.command[0], "test", what, *self.command[1:]]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60, check=False)

    @contextmanager
    def shipping(self) -> Iterator[None]:
        """Run it as the container does."""
        log = self.folder / "filebeat.log"
        with running(self.command, log, lambda: b"Harvester started" in log.read_bytes(), env=self.env):
            yield


@pytest.mark.parametrize("variant", VARIANTS)
def test_filebeat_takes_every_variant(tmp_path: Path, variant: str) -> None:
    sidecar = Sidecar(environment(VARIANTS[variant]), tmp_path, {}, **passwords())
    done = sidecar.test("config")
    assert (done.returncode, done.stdout.strip()) == (0, "Config OK"), done.stderr


def passwords(value: str = "not-a-real-one") -> dict[str, str]:
    return {"REDIS_PASSWORD": value, "ELASTICSEARCH_PASSWORD": value}
