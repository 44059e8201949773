"""Row 7: credentials that are too old, and a plugin that gets new ones."""

from __future__ import annotations

import base64
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.faults.arena import Arena, shows, times_told
from tests.faults.proxy import PASS, WRITES, Fault, Request

pytestmark = [pytest.mark.faults, pytest.mark.fault(7), pytest.mark.long]

UP = ("poscloud", "up", "--yes")
UNAUTHORIZED = Fault(status=401, message="Unauthorized")
ENDED = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)


def as_user(arena: Arena, user: dict[str, Any]) -> dict[str, str]:
    """Return the variables by which a run uses other credentials."""
    config = json.loads(arena.kubeconfig.read_text())
    config["users"][0]["user"] = user
    file = arena.kubeconfig.with_name("other-user")
    file.write_text(json.dumps(config))
    return {"POSCLOUD_USER_KUBECONFIG": str(file)}


def expired_certificate(arena: Arena) -> dict[str, str]:
    """Return a client certificate that the cluster's own authority signed, and that has ended."""
    pki = arena.workspace.paths.cluster / "pki"
    user = json.loads(arena.kubeconfig.read_text())["users"][0]["user"]
    key = serialization.load_pem_private_key(base64.b64decode(user["client-key-data"]), None)
    old = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    signer = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None)
    made = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(key.public_key())  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(ENDED - datetime.timedelta(days=30))
        .not_valid_after(ENDED)
        .sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    return {**user, "client-certificate-data": base64.b64encode(pem).decode()}


def test_an_expired_certificate_is_told_with_its_date_once(present: Arena) -> None:
    variables = as_user(present, expired_certificate(present))
    config = json.loads(Path(variables["POSCLOUD_USER_KUBECONFIG"]).read_text())
    # Directly to the API server, which is who looks at a client's certificate.
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{present.proxy.upstream}"
    Path(variables["POSCLOUD_USER_KUBECONFIG"]).write_text(json.dumps(config))
    present.describe(present.description.read_text().replace("kind: java,", "kind: java, replicas: 2,"))
    told = "credentials rejected (certificate expired 2026-05-01)"
    for command in (UP, ("pulumi", "up", "--yes", "--skip-preview"), ("pulumi", "refresh", "--yes")):
        done = present.run(*command, **variables)
        shows(done, told, "kubeconfig user poscloud-user", within=8)
        assert times_told(done, "credentials rejected") == 1, done.text


def test_a_credential_plugin_is_asked_again_when_its_token_has_ended(absent: Arena) -> None:
    folder = absent.kubeconfig.parent
    token, calls = folder / "token", folder / "calls"
    token.write_text("first")
    calls.write_text("")
    plugin = folder / "plugin"
    plugin.write_text(
        f"#!/bin/sh\necho x >> {calls}\nprintf '"
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}'
        f'\' "$(cat {token})"\n'
    )
    plugin.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    user = {"exec": {"apiVersion": version, "command": str(plugin), "interactiveMode": "Never"}}
    good = ["first"]

    def decide(request: Request) -> Fault:
        if request.method in WRITES and "/deployments" in request.path and good == ["first"]:
            good[:] = ["second"]  # the token ends in the middle of the run
            token.write_text("second")
        return PASS if request.token in good else UNAUTHORIZED

    absent.inject(decide)
    done = absent.run(*UP, **as_user(absent, user))
    shows(done, code=0, forbidden=["rejected"])
    by_provider = [r for r in absent.proxy.seen if r.agent == "poscloud" and r.token == "second"]
    assert by_provider
    assert len(calls.read_text().split()) <= 6, "kubectl twice, the provider's two"


def test_a_credential_plugin_with_an_old_answer_is_asked_again_before_anything_is_given_up(
    absent: Arena,
) -> None:
    folder = absent.kubeconfig.parent
    calls, plugin = folder / "stale-calls", folder / "stale-plugin"
    calls.write_text("")
    plugin.write_text(
        f'#!/bin/sh\necho x >> {calls}\n[ "$(wc -l < {calls})" -gt 1 ] && t=fresh || t=stale\nprintf \''
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}'
        "' $t\n"
    )
    plugin.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    user = {"exec": {"apiVersion": version, "command": str(plugin), "interactiveMode": "Never"}}
    absent.inject(lambda request: PASS if request.token == "fresh" else UNAUTHORIZED)
    done = absent.run(*UP, **as_user(absent, user))
    shows(done, code=0, forbidden=["rejected"])
