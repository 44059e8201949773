"""A stand-in for metrics-server: metrics.k8s.io over the real API server's aggregation layer, with figures as told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.workspace import Workspace

GROUP = "metrics.k8s.io/v1beta1"
NAME = "v1beta1.metrics.k8s.io"
Usage = dict[str, str]


class Metrics:
    """The figures: node → usage, ``namespace/pod`` → usage."""

    def __init__(self) -> None:
        self.nodes: dict[str, Usage] = {}
        self.pods: dict[str, Usage] = {}

    def answer(self, path: str) -> dict[str, Any] | None:
        """Return the body for a path; ``None`` where there is none."""
        if path == f"/apis/{GROUP}":
            kinds = (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))
            return {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": GROUP,
                "resources": [
                    {"name": name, "kind": kind, "namespaced": within, "verbs": ["get", "list"]}
                    for name, kind, within in kinds
                ],
            }
        if path == f"/apis/{GROUP}/nodes":
            items = [{"metadata": {"name": name}, "usage": usage} for name, usage in self.nodes.items()]
            return {"kind": "NodeMetricsList", "apiVersion": GROUP, "metadata": {}, "items": items}
        if path == f"/apis/{GROUP}/pods":
            pods = [
                {
                    "metadata": dict(zip(("namespace", "name"), key.split("/"), strict=True)),
                    "containers": [{"name": "main", "usage": usage}],
                }
                for key, usage in self.pods.items()
            ]
            return {"kind": "PodMetricsList", "apiVersion": GROUP, "metadata": {}, "items": pods}
        return None


@contextmanager
def serving(workspace: Workspace, namespace: str) -> Iterator[Metrics]:
    """Serve them, registered with the API server; ``namespace`` has the Service that leads it here."""
    metrics = Metrics()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = metrics.answer(self.path.partition("?")[0])
            body = json.dumps(found or {"kind": "Status", "code": 404}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pki = workspace.paths.cluster / "pki"
    context.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        _register(workspace, namespace, server.server_address[1])
        yield metrics
    finally:
        workspace.run("kubectl", "delete", "apiservice", NAME, "--ignore-not-found")
        server.shutdown()
        server.server_close()


def _register(workspace: Workspace, namespace: str, port: int) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "metrics", "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }
    registration = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": NAME},
        "spec": {
            "group": GROUP.partition("/")[0],
            "version": GROUP.partition("/")[2],
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "metrics", "namespace": namespace, "port": port},
        },
    }
    for item in (service, registration):
        done = workspace.run("kubectl", "apply", "-f", "-", given=json.dumps(item))
        assert done.returncode == 0, done.stderr
    workspace.ok("kubectl", "wait", "--for=condition=Available", f"apiservice/{NAME}", "--timeout=60s")
