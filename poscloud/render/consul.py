"""Consul: one server, or three that find each other by their DNS names and elect a leader."""

from __future__ import annotations

import json

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, patch
from poscloud.render.pod import http_probe
from poscloud.render.stateful import Program, render_stateful
from poscloud.spec import ConsulSpec

PORT = 8500
DNS_PORT = 8600
DATA_PATH = "/consul/data"
CONFIG_PATH = "/etc/consul"

# Asks the leader, so that it fails while there is none (/v1/status/leader answers 200 even then), and it
# needs no token where ACLs are on: what may not be seen is left out of the answer.
READY = "/v1/catalog/service/consul"
ALIVE = "/v1/status/leader"


def consul_outputs(name: str, environment: str, spec: ConsulSpec) -> dict[str, str]:
    """Return what it offers to others; any server answers for all."""
    host = names.dns_name(name, environment)
    return {"host": host, "port": str(PORT), "url": f"http://{host}:{PORT}"}


def render_consul(context: Context, name: str, spec: ConsulSpec) -> list[Manifest]:
    """Return the manifests of a Consul."""
    program = Program(
        kind="consul",
        # Kubernetes expands $(POD_IP). Consul's own choice, a private address, fails where pods have several.
        command=[
            "consul", "agent", f"-config-file={CONFIG_PATH}/consul.json",
            "-node=$(POD_NAME)", "-advertise=$(POD_IP)",
        ],
        ports={"http": PORT, "dns": DNS_PORT, "dns-udp": DNS_PORT, "server": 8300, "serf": 8301, "serf-udp": 8301},
        udp=frozenset({"dns-udp", "serf-udp"}),
        config={"consul.json": _consul_json(context, name, spec)},
        config_path=CONFIG_PATH,
        data_path=DATA_PATH,
        user=100,
        readiness=http_probe(PORT, READY, periodSeconds=5, timeoutSeconds=5),
        liveness=http_probe(PORT, ALIVE, periodSeconds=10, timeoutSeconds=5),
        pod_fields={"POD_NAME": "metadata.name", "POD_IP": "status.podIP"},
        replicas=spec.replicas,
        catch_up=10,  # it knows the leader before it has the leader's log
    )  # fmt: skip
    return render_stateful(context, name, spec, program)


def _consul_json(context: Context, name: str, spec: ConsulSpec) -> str:
    values: Manifest = {
        "server": True,
        "bootstrap_expect": spec.replicas,
        "data_dir": DATA_PATH,
        "client_addr": "0.0.0.0",  # inside its pod
        "ports": {"http": PORT, "dns": DNS_PORT},
        "ui_config": {"enabled": True},
        "disable_update_check": True,
        # A server that was asked to stop comes back: it stays a member, and its key-value data stays with it.
        "leave_on_terminate": False,
    }
    if spec.replicas > 1:
        values["retry_join"] = names.member_dns_names(name, context.namespace, spec.replicas)
    return json.dumps(patch(values, spec.config), indent=2) + "\n"
