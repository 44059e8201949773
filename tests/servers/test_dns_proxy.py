"""The rendered DNS proxies, run by a real dnsmasq and a real nginx, between real DNS servers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from poscloud.spec import DnsProxySpec, EnvironmentSpec
from tests.servers.debian import Packages, packages
from tests.servers.dns import AAAA, NameServer, addresses, answers, ask_tcp, ask_udp, name_server, query
from tests.servers.rendered import write_config
from tests.servers.running import free_port, running

pytestmark = pytest.mark.servers

SERVICE, PUBLIC = "tomcat.dac-prod.svc.cluster.local", "www.example.com"
ONLY_PORT = ["setpriv", "--bounding-set=-all,+net_bind_service", "--inh-caps=-all", "--no-new-privs"]
"""The container's capabilities: all dropped, NET_BIND_SERVICE added."""


def low_port() -> int:
    """Return a port below 1024 that is free for TCP and UDP; as a user who may have none, any free one."""
    for port in range(1023, 600, -1) if os.getuid() == 0 else ():
        with (
            socket.socket() as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            suppress(OSError),
        ):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port
    return free_port()


def confined() -> list[str]:
    return ONLY_PORT if os.getuid() == 0 else []


@contextmanager
def proxy(spec: DnsProxySpec, folder: Path, program: Packages, options: str = "") -> Iterator[int]:
    """Run the rendered start script in place of the container; yield the port."""
    replace = {
        "/tmp": str(folder),
        "/etc/resolv.conf": f"{folder}/resolv.conf",
        "/etc/dns-proxy": f"{folder}/etc",
    }
    if options:
        replace["nginx -g '"] = f"nginx -g '{options} "
    (folder / "resolv.conf").write_text("search svc.cluster.local\nnameserver 127.0.0.1\noptions ndots:5\n")
    etc = write_config(
        EnvironmentSpec(name="a", services={"dns": spec}), "dns-config", folder / "etc", replace
    )
    command = [*confined(), "sh", etc / "start.sh"]
    environment = {**program.environment, "NODE_ADDRESS": "127.0.0.1"}
    with running(command, folder / "proxy.log", lambda: answers(spec.port), env=environment):
        yield spec.port


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NameServer]:
    with name_server(tmp_path, {SERVICE: "10.96.1.2", PUBLIC: "10.0.0.1"}) as server:
        yield server


@pytest.fixture
def public(tmp_path: Path) -> Iterator[NameServer]:
    with name_server(tmp_path, {SERVICE: "203.0.113.1", PUBLIC: "203.0.113.2"}) as server:
        yield server


def test_dnsmasq_asks_the_cluster_for_its_names_and_others_for_the_rest(
    tmp_path: Path, cluster: NameServer, public: NameServer
) -> None:
    spec = DnsProxySpec(
        port=low_port(), cluster_dns=f"127.0.0.1:{cluster.port}", upstreams=(f"127.0.0.1:{public.port}",)
    )
    with proxy(spec, tmp_path, packages("dnsmasq-base")) as port:
        for ask in (ask_udp, ask_tcp):
            assert ask(port, SERVICE) == ["10.96.1.2"]
            assert ask(port, PUBLIC) == ["203.0.113.2"]
            assert ask(port, "gone.dac-prod.svc.cluster.local") == []


def test_nginx_passes_every_query_on_to_the_cluster(tmp_path: Path, cluster: NameServer) -> None:
    spec = DnsProxySpec(program="nginx", port=low_port(), cluster_dns=f"127.0.0.1:{cluster.port}")
    nginx = packages("nginx", "libnginx-mod-stream")
    module = next(
        nginx.root.glob("usr/lib/nginx/modules/ngx_stream_module.so"), "modules/ngx_stream_module.so"
    )
    with proxy(spec, tmp_path, nginx, f"load_module {module};") as port:
        for ask in (ask_udp, ask_tcp):
            assert ask(port, SERVICE) == ["10.96.1.2"]
            assert ask(port, PUBLIC) == ["10.0.0.1"]
        # A libc asks for both kinds of address at once, from one port, and waits for two answers.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.connect(("127.0.0.1", port))
            client.send(query(SERVICE, 1))
            client.send(query(SERVICE, 2, AAAA))
            both = [client.recv(4096) for _ in range(2)]
        assert sorted(answer[1] for answer in both) == [1, 2]
        assert sorted(map(addresses, both)) == [[], ["10.96.1.2"]]
