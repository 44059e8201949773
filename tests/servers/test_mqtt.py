"""The rendered mosquitto.conf, read and obeyed by a real Mosquitto."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from poscloud.spec import EnvironmentSpec, MqttBrokerSpec
from tests.servers.confined import confined
from tests.servers.debian import packages
from tests.servers.rendered import manifest, write_config
from tests.servers.running import accepts, free_port, running

pytestmark = pytest.mark.servers


def test_mosquitto_takes_the_rendered_file_and_keeps_a_message_over_a_restart(tmp_path: Path) -> None:
    debian, port, log = packages("mosquitto", "mosquitto-clients"), free_port(), tmp_path / "mosquitto.log"
    (tmp_path / "data").mkdir()
    spec = EnvironmentSpec(name="a", backing={"mqtt": MqttBrokerSpec(config={"max_inflight_messages": 5})})
    replace = {
        "listener 1883": f"listener {port} 127.0.0.1",
        "/mosquitto/data/": f"{tmp_path}/data/",
        "persistence true": "persistence true\nuser root",  # a container's user is set by Kubernetes
    }
    folder = write_config(spec, "mqtt-config", tmp_path / "etc", replace)

    def client(program: str, *words: str) -> str:
        command = [str(debian.program(program)), "-h", "127.0.0.1", "-p", str(port), *words]
        done = subprocess.run(
            command, env=debian.environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    container = manifest(spec, "StatefulSet", "mqtt")["spec"]["template"]["spec"]["containers"][0]
    words = [debian.program("mosquitto"), "-c", folder / "mosquitto.conf"]
    command = confined(container, words, tmp_path, {"/mosquitto/data": tmp_path / "data"})
    with running(command, log, lambda: accepts(port), env=debian.environment):
        client("mosquitto_pub", "-t", "pos/1", "-m", "paid", "-r", "-q", "1")
        assert client("mosquitto_sub", "-t", "pos/1", "-C", "1", "-W", "10") == "paid"
        assert f"Opening ipv4 listen socket on port {port}" in log.read_text()
    with running(command, log, lambda: accepts(port), env=debian.environment):
        kept = client("mosquitto_sub", "-t", "pos/1", "-C", "1", "-W", "10")
        assert kept == "paid", "the retained message was not read again"
