"""An admission webhook on 127.0.0.1 that misbehaves as a case wants, and its registration."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from poscloud.local.certificates import Pki
from tests.faults.arena import STACK, Arena

NAME = "house.rules.example.com"


class Webhook:
    """What it has been asked, and how it answers.

    Attributes:
        asked: Its calls so far, as ``name`` of each object.
        silent: How many calls it leaves unanswered.
        refusal: The sentence with which it refuses; empty to allow.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent, self.refusal = 0, ""
        self.ended = threading.Event()


@contextmanager
def webhook(arena: Arena) -> Iterator[Webhook]:
    """Run a webhook for the Deployments of the environment, in dry runs as well."""
    found = Webhook()
    pki = Pki(arena.workspace.paths.cluster / "pki")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(found))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki.certificate("apiserver"), pki.key("apiserver"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    authority = base64.b64encode(pki.certificate("ca").read_bytes()).decode()
    _register(arena, f"https://127.0.0.1:{server.server_port}/", authority)
    try:
        yield found
    finally:
        arena.workspace.ok("kubectl", "delete", "validatingwebhookconfiguration", NAME)
        found.ended.set()
        server.shutdown()


def _handler(state: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
            state.asked.append(review["name"])
            if len(state.asked) <= state.silent:
                state.ended.wait(10)
                return
            answer: dict[str, Any] = {"uid": review["uid"], "allowed": not state.refusal}
            if state.refusal:
                answer["status"] = {"message": state.refusal}
            body = json.dumps(
                {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
            )
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _register(arena: Arena, url: str, authority: str) -> None:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["deployments"], "scope": "Namespaced"}  # fmt: skip
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [
            {
                "name": NAME,
                "clientConfig": {"url": url, "caBundle": authority},
                "rules": [rule],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": STACK}},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 1,
                "failurePolicy": "Fail",
            }
        ],
    }
    file = arena.kubeconfig.with_name("webhook.json")
    file.write_text(json.dumps(configuration))
    arena.workspace.ok("kubectl", "apply", "-f", str(file))
