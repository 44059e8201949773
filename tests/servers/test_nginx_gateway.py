"""The rendered nginx.conf of a gateway: a real nginx, real HTTP servers, and a real DNS server in between."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from poscloud.spec import EnvironmentSpec, JavaServiceSpec, NginxGatewaySpec
from tests.servers.debian import packages
from tests.servers.dns import NameServer, name_server
from tests.servers.rendered import manifest, write_config
from tests.servers.running import accepts, free_port, running, wait_until

pytestmark = pytest.mark.servers

NO_CAPABILITIES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
SERVICES = [f"s{i}" for i in range(30)]
HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


class Echo(BaseHTTPRequestHandler):
    """Answers with its own address and what it was asked."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = len(self.rfile.read(length))
        host = self.server.server_address[0]
        text = json.dumps({"server": host, "path": self.path, "body": body, "headers": dict(self.headers)})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def backend_port() -> Iterator[int]:
    """HTTP servers on three addresses, all on one port."""
    port = free_port()
    servers = [ThreadingHTTPServer((host, port), Echo) for host in HOSTS]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield port
    for server in servers:
        server.shutdown()
        server.server_close()


def names() -> dict[str, str]:
    found = {f"{name}.env.svc.cluster.local": HOSTS[i % 3] for i, name in enumerate(SERVICES)}
    return {**found, "tomcat.dac-prod.svc.cluster.local": HOSTS[2], "outside.example.com": HOSTS[1]}


@pytest.fixture
def dns(tmp_path: Path) -> Iterator[NameServer]:
    with name_server(tmp_path, names()) as server:
        yield server


class Gateway:
    """A running gateway.

    Attributes:
        port: Where it listens on 127.0.0.1.
        log: What it wrote to stdout and stderr.
    """

    def __init__(self, port: int, log: Path) -> None:
        self.port, self.log = port, log

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        """Return the status and, of a 200, what the server behind was asked."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body)
        opener = urllib.request.build_opener(_Unredirected)
        try:
            with opener.open(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers)

    def at(self, path: str) -> tuple[str, str]:
        """Return which server answers, and with what path it was asked."""
        status, answer = self.ask(path)
        assert status == 200, (path, status, answer)
        return answer["server"], answer["path"]


class _Unredirected(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@contextmanager
def gateway(folder: Path, port: int, locations: dict[str, Any], **fields: Any) -> Iterator[Gateway]:
    """Run nginx with what is rendered for ``locations``, without any capability."""
    nginx, listen = packages("nginx"), free_port()
    gw = NginxGatewaySpec.model_validate({"kind": "nginx", "locations": locations, **fields})
    services = {name: JavaServiceSpec(port=port) for name in SERVICES}
    spec = EnvironmentSpec(name="env", services={**services, "gw": gw})
    replace = {"listen 8080": f"listen 127.0.0.1:{listen}", " /tmp/": f" {folder}/"}
    conf = write_config(spec, "gw-config", folder / "etc", replace) / "nginx.conf"
    root = os.getuid() == 0
    options = "daemon off;" + (" user root;" if root else "")
    command = [*(NO_CAPABILITIES if root else []), nginx.program("nginx"), "-g", options, "-c", conf]
    with running(command, folder / "nginx.log", lambda: accepts(listen), env=nginx.environment):
        yield Gateway(listen, folder / "nginx.log")


def test_three_hundred_locations_lead_to_services_by_name(
    tmp_path: Path, dns: NameServer, backend_port: int
) -> None:
    locations = {f"/app{i}/": SERVICES[i % 30] for i in range(300)}
    with gateway(tmp_path, backend_port, locations, resolver=f"127.0.0.1:{dns.port}") as nginx:
        for i in range(300):
            assert nginx.at(f"/app{i}/x?y=%20") == (HOSTS[i % 30 % 3], f"/app{i}/x?y=%20")
        assert nginx.ask("/nothing")[0] == 404
        status, headers = nginx.ask("/app7")
        assert (status, headers["Location"]) == (301, "/app7/"), (
            "a redirect must not name the container's port"
        )
        wait_until(
            lambda: "backend=s7.env.svc.cluster.local" in nginx.log.read_text(), "the access log on stdout"
        )
        _, answer = nginx.ask("/app1/")
        assert answer["headers"]["X-Real-IP"] == "127.0.0.1"


def test_the_kind_of_a_location_decides_and_then_the_order(
    tmp_path: Path, dns: NameServer, backend_port: int
) -> None:
    locations = {
        "/": "s0",
        "/a/": "s1",
        "= /a/exact": "s2",
        "^~ /a/static/": "s3",
        r"~ \.(png|jpe?g)$": "s4",
        r"~* ^/a/\d{2,3}/(?<rest>.*)\.PNG$": "s5",
        "~ 二": "s5",
        r"~ ^/back\\slash$": "s5",
        "/other/": f"tomcat.dac-prod:{backend_port}",
        "/outside/": f"http://outside.example.com:{backend_port}",
        "/address/": f"http://{HOSTS[2]}:{backend_port}",
    }
    expected = {
        "/b": 0, "/a/x": 1, "/a/exact": 2, "/a/static/x.png": 0, "/a/12/x.png": 1, "/a/12/x.PNG": 2,
        "/%E4%BA%8C": 2, "/back%5Cslash": 2, "/other/": 2, "/outside/": 1, "/address/": 2,
    }  # fmt: skip
    with gateway(tmp_path, backend_port, locations, resolver=f"127.0.0.1:{dns.port}") as nginx:
        assert {path: nginx.at(path)[0] for path in expected} == {p: HOSTS[i] for p, i in expected.items()}


def test_a_prefix_is_stripped_only_by_a_rewrite(tmp_path: Path, dns: NameServer, backend_port: int) -> None:
    locations = {
        "/kept/": "s0",
        "/strip/": {"to": "s0", "rewrite": "/"},
        "/a.b/": {"to": "s1", "rewrite": "/c/d/"},
        "= /one": {"to": "s0", "rewrite": "/two"},
        "~* ^/old/(?<id>[0-9]+)/(.*)$": {"to": "s0", "rewrite": "/new/$2/$id"},
    }
    with gateway(tmp_path, backend_port, locations, resolver=f"127.0.0.1:{dns.port}") as nginx:
        assert nginx.at("/kept/x%20y?q=1")[1] == "/kept/x%20y?q=1"
        assert nginx.at("/strip/x%20y?q=%2F")[1] == "/x%20y?q=%2F"
        assert nginx.at("/strip/")[1] == "/"
        assert nginx.at("/strip/%0Ax")[1] == "/%0Ax"
        assert nginx.at("/a.b/x") == (HOSTS[1], "/c/d/x")
        assert nginx.ask("/aXb/x")[0] == 404
        assert nginx.at("/one?q=1")[1] == "/two?q=1"
        assert nginx.at("/OLD/7/x")[1] == "/new/x/7"


def test_limits_headers_and_directives_of_a_location(
    tmp_path: Path, dns: NameServer, backend_port: int
) -> None:
    locations = {
        "/": "s0",
        "/small/": {"to": "s0", "body_size": "1k"},
        "/host/": {
            "to": "s0",
            "headers": {"Host": "$host", "X-Text": 'a "b" \\n'},
            "directives": ["add_header X-From gateway always"],
        },
        "/quiet/": {"to": "s1", "access_log": False},
    }
    resolver = f"127.0.0.1:{dns.port}"
    with gateway(tmp_path, backend_port, locations, resolver=resolver, headers={"X-All": "1"}) as nginx:
        assert nginx.ask("/small/", b"x" * 1024)[0] == 200
        assert nginx.ask("/small/", b"x" * 1025)[0] == 413
        status, answer = nginx.ask("/", b"x" * 5_000_000)
        assert (status, answer["body"]) == (200, 5_000_000), "a body that is buffered in a file"
        assert answer["headers"]["X-All"] == "1"
        headers = nginx.ask("/host/")[1]["headers"]
        assert (headers["Host"], headers["X-Text"]) == ("127.0.0.1", 'a "b" \\n')
        assert (headers["X-All"], headers["X-Real-IP"]) == ("1", "127.0.0.1")
        nginx.ask("/quiet/")
        nginx.ask("/last")
        wait_until(lambda: "/last" in nginx.log.read_text(), "the access log on stdout")
        assert "/quiet/" not in nginx.log.read_text()


def test_a_service_made_anew_is_found_and_a_missing_one_harms_no_other(
    tmp_path: Path, dns: NameServer, backend_port: int
) -> None:
    resolver = f"127.0.0.1:{dns.port}"
    locations = {"/a/": "s0", "/gone/": "s1"}
    without = {name: address for name, address in names().items() if not name.startswith("s1.")}
    dns.set(without)
    fields = {"resolver": resolver, "resolver_valid": 1, "resources": {"limits": {"cpu": 1}}}
    with gateway(tmp_path, backend_port, locations, **fields) as nginx:  # one worker, which has one memory
        assert nginx.ask("/gone/")[0] == 502
        assert nginx.at("/a/")[0] == HOSTS[0]
        dns.set({**names(), "s0.env.svc.cluster.local": HOSTS[2]})
        wait_until(lambda: nginx.at("/a/")[0] == HOSTS[2], "nginx asking for the new address", 20)
        wait_until(lambda: nginx.ask("/gone/")[0] == 200, "nginx finding the service that was made", 20)


def test_a_pod_that_stops_ends_what_it_has_begun(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            begun.set()
            go_on.wait(60)
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"slow")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    locations = {"/": f"http://127.0.0.1:{server.server_port}"}
    spec = EnvironmentSpec(
        name="env", services={"gw": NginxGatewaySpec.model_validate({"locations": locations})}
    )
    pod = manifest(spec, "Deployment", "gw")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 310
    *shell, line = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    with gateway(tmp_path, 80, locations, resolver="127.0.0.1") as nginx, ThreadPoolExecutor() as pool:
        url = f"http://127.0.0.1:{nginx.port}/"
        answer = pool.submit(lambda: urllib.request.urlopen(url, timeout=60).read())
        assert begun.wait(30)
        stop = pool.submit(subprocess.run, [*shell, line.replace("/tmp/", f"{tmp_path}/")], check=True)
        wait_until(lambda: not accepts(nginx.port), "nginx taking no more connections", 30)
        assert not stop.done(), "SIGTERM would follow while a request is answered"
        go_on.set()
        assert answer.result(timeout=30) == b"slow"
        stop.result(timeout=30)
        assert not (tmp_path / "nginx.pid").exists()
    server.shutdown()
    server.server_close()


def test_the_clusters_dns_is_taken_from_the_pods_resolv_conf(tmp_path: Path) -> None:
    nginx, listen = packages("nginx"), free_port()
    (tmp_path / "resolv.conf").write_text(
        "search a.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    )
    spec = EnvironmentSpec(
        name="env",
        services={"gw": NginxGatewaySpec.model_validate({"locations": {"/": "http://10.0.0.1:80"}})},
    )
    options = "daemon off;" + (" user root;" if os.getuid() == 0 else "")
    replace = {
        "/tmp": str(tmp_path),
        "/etc/resolv.conf": f"{tmp_path}/resolv.conf",
        "listen 8080": f"listen 127.0.0.1:{listen}",
        "/etc/nginx/poscloud": f"{tmp_path}/etc",
        "'daemon off;'": f"'{options}'",
    }
    etc = write_config(spec, "gw-config", tmp_path / "etc", replace)
    with running(["sh", etc / "start.sh"], tmp_path / "log", lambda: accepts(listen), env=nginx.environment):
        assert "resolver 10.96.0.10 valid=30s ipv6=off;" in (tmp_path / "nginx.conf").read_text()
