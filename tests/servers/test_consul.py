"""Three real Consul servers, as rendered: a leader, the key-value store, probes, and one of them lost."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from poscloud.render.names import member_dns_names
from poscloud.spec import ConsulSpec, EnvironmentSpec
from tests.servers.confined import confined
from tests.servers.golang import build
from tests.servers.rendered import manifest, write_config
from tests.servers.running import running, wait_until

pytestmark = pytest.mark.servers


def answers(address: str, path: str, body: bytes | None = None) -> str | None:
    """Return what a server answers at its HTTP port; ``None`` for an error, as an HTTP probe takes it."""
    request = urllib.request.Request(
        f"http://{address}:8500{path}", data=body, method="PUT" if body else "GET"
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return str(answer.read().decode())
    except (OSError, urllib.error.HTTPError):
        return None


def test_three_servers_elect_a_leader_and_without_a_quorum_are_alive_but_not_ready(tmp_path: Path) -> None:
    consul = build("consul", "github.com/hashicorp/consul")
    spec = EnvironmentSpec(
        name="a", backing={"consul": ConsulSpec(replicas=3, config={"performance": {"raft_multiplier": 1}})}
    )
    net = f"127.{50 + os.getpid() // 250 % 50}.{os.getpid() % 250}"
    addresses = [f"{net}.{i}" for i in (1, 2, 3)]
    names = dict(zip(member_dns_names("consul", "a", 3), addresses, strict=True))
    container = manifest(spec, "StatefulSet", "consul")["spec"]["template"]["spec"]["containers"][0]
    ready = container["readinessProbe"]["httpGet"]["path"]
    alive = container["livenessProbe"]["httpGet"]["path"]

    def command(i: int) -> list[str]:
        own = {
            '"client_addr": "0.0.0.0"': f'"client_addr": "{addresses[i]}",\n  "bind_addr": "{addresses[i]}"',
            "/consul/data": f"{tmp_path}/{i}/data",
            **names,
        }
        folder = write_config(spec, "consul-config", tmp_path / str(i) / "etc", own)
        fields = {"$(POD_NAME)": f"consul-{i}", "$(POD_IP)": addresses[i], "/etc/consul": str(folder)}
        words: list[str] = container["command"]
        for old, new in fields.items():
            assert any(old in word for word in words)
            words = [word.replace(old, new) for word in words]
        (tmp_path / str(i) / "data").mkdir()
        home = tmp_path / str(i)
        return confined(container, [consul, *words[1:]], home, {"/consul/data": home / "data"})

    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(command(i), tmp_path / f"log-{i}", lambda: True)) for i in range(3)
        ]
        wait_until(lambda: all(answers(a, ready) is not None for a in addresses), "three ready", 120)
        members = json.loads(answers(addresses[0], "/v1/catalog/service/consul") or "[]")
        assert sorted(member["Node"] for member in members) == ["consul-0", "consul-1", "consul-2"]
        assert answers(addresses[1], "/v1/kv/rate", b"3") == "true"

        servers[0].kill()
        wait_until(lambda: answers(addresses[2], "/v1/kv/rate?raw") == "3", "answer of two of three", 120)
        assert answers(addresses[2], ready) is not None
        servers[1].kill()
        wait_until(lambda: answers(addresses[2], ready) is None, "not ready without a quorum", 120)
        assert answers(addresses[2], alive) is not None
