"""The script that gives Kibana its index patterns, by Debian's curl against a server that stands for it."""

from __future__ import annotations

import base64
import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from poscloud.render import Manifest, render_environment
from poscloud.render.logstack import PATTERNS
from poscloud.spec import EnvironmentSpec, LogStackSpec
from tests.servers.debian import packages
from tests.servers.rendered import write_config

pytestmark = pytest.mark.servers

PASSWORD = 'a"b\\c d:e$f%s'


class Kibana(http.server.BaseHTTPRequestHandler):
    """Takes what is imported, and answers as it is told to."""

    answer: ClassVar[tuple[int, dict[str, Any]]] = (200, {"success": True})
    asked: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Kibana.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        code, answer = Kibana.answer
        text = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


@pytest.fixture
def kibana() -> Iterator[str]:
    Kibana.asked, Kibana.answer = [], (200, {"success": True})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kibana) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def described(url: str) -> EnvironmentSpec:
    spec = LogStackSpec.model_validate(
        {
            "kind": "log-stack",
            "kafka": {},
            "elasticsearch": {"hosts": ["http://es:9200"]},
            "kibana": {"url": url, "username": "li", "password": {"secret": "elk", "key": "kibana"}},
        }
    )
    backing = {"zookeeper": {"kind": "zookeeper"}, "kafka": {"kind": "kafka"}}
    return EnvironmentSpec.model_validate({"name": "dev", "backing": backing, "services": {"logs": spec}})


def run(spec: EnvironmentSpec, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the rendered Job's command with its variables and its files."""
    made: list[Manifest] = [m for part in render_environment(spec) for m in part.manifests]
    (job,) = [m for m in made if m["kind"] == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    found = packages("curl")
    env = {e["name"]: e.get("value", PASSWORD) for e in container["env"]}
    files = write_config(spec, "logs-config", folder, {})
    env["FILE"] = str(files / PATTERNS)
    return subprocess.run(
        container["command"], env=found.environment | env, capture_output=True, text=True, check=False
    )


def test_kibana_gets_the_patterns_and_who_asks(kibana: str, tmp_path: Path) -> None:
    done = run(described(kibana), tmp_path)
    assert done.returncode == 0, done.stderr
    ((path, headers, body),) = Kibana.asked
    assert path == "/api/saved_objects/_import?overwrite=true"
    assert headers["kbn-xsrf"] == "poscloud"
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode() == f"li:{PASSWORD}"
    assert headers["content-type"].startswith("multipart/form-data")
    assert f'filename="{PATTERNS}"'.encode() in body
    assert (tmp_path / PATTERNS).read_bytes() in body
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "answer", [(401, {"error": "Unauthorized"}), (200, {"success": False, "errors": []})]
)
def test_a_refusal_makes_the_job_fail_and_is_told(
    kibana: str, tmp_path: Path, answer: tuple[int, dict[str, Any]]
) -> None:
    Kibana.answer = answer
    done = run(described(kibana), tmp_path)
    assert done.returncode != 0
    assert PASSWORD not in done.stdout + done.stderr
