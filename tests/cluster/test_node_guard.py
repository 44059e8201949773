"""A node guard as its CronJob has it: the command, its service account's rights, a metrics API, a robot of DingTalk."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from poscloud.cluster.nodeguard.history import read, write
from poscloud.engine.access.kubeconfig import kubeconfig
from poscloud.errors import DeployError
from poscloud.local import access
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import load
from poscloud.provider.rest import Clock
from poscloud.render.names import NODE_GUARD
from poscloud.render.nodeguard import SETTINGS
from tests.cluster.manifests import template
from tests.cluster.metricsapi import Metrics, serving
from tests.workspace import Workspace

pytestmark = pytest.mark.cluster

HOME, SHOP, NODE = "watch", "crowded", "node1"
SECRET, TOKEN = "SEC-not-a-real-one", "not-a-real-token"
DESCRIPTION = """\
pull_secret: null
limits: null
secrets: {robot: [url, sign]}
services:
  guard:
    kind: node-guard
    image: ci/poscloud:1
    suspend: true
    RESTART
    top: 2
    per_hour: 3
    cooldown: 0
    not_ready: 86400
    skip_namespaces: [kube-system]
    webhooks: [{url: {secret: robot, key: url}, sign: {secret: robot, key: sign}, keyword: 报警}]
"""
USED = {"api": 900, "web": 800, "kept": 1000, "geo": 100, "redis": 5000, "mysql": 6000}
"""Name of a workload → MiB of each of its pods."""


@dataclass
class Robot:
    """A robot of a DingTalk group, which takes messages with its keyword and a right signature."""

    url: str = ""
    messages: list[str] = field(default_factory=list)

    def take(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        query = parse_qs(urlsplit(path).query)
        given, content = query.get("timestamp", [""])[0], body["text"]["content"]
        digest = hmac.new(SECRET.encode(), f"{given}\n{SECRET}".encode(), hashlib.sha256).digest()
        if query.get("access_token") != [TOKEN] or query.get("sign") != [base64.b64encode(digest).decode()]:
            return {"errcode": 310000, "errmsg": "sign not match"}
        if "报警" not in content:
            return {"errcode": 310000, "errmsg": "keywords not in content"}
        self.messages.append(content)
        return {"errcode": 0, "errmsg": "ok"}


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    found = Robot()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(found.take(self.path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/robot/send?access_token={TOKEN}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def workload(name: str) -> dict[str, Any]:
    """Return a workload whose pods run on the one node."""
    kind = "StatefulSet" if name == "mysql" else "Deployment"
    spec = {
        "replicas": 2 if name == "web" else 1,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, nodeSelector={"kubernetes.io/hostname": NODE}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": SHOP},
        "spec": {**spec, "serviceName": name} if kind == "StatefulSet" else spec,
    }


BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "kept", "namespace": SHOP},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}},
}


class Watch:
    """A node guard in the cluster, and what it is run with."""

    def __init__(self, workspace: Workspace, metrics: Metrics, robot: Robot) -> None:
        self.workspace, self.metrics, self.robot = workspace, metrics, robot
        self.file, self.config = workspace.root / SETTINGS, workspace.root / "guard.kubeconfig"

    def describe(self, restart: str) -> None:
        """Apply the guard as it is rendered, and take its settings from the live ConfigMap, as the pod has them."""
        stack = self.workspace.root / "stacks" / f"{HOME}.yaml"
        stack.write_text(DESCRIPTION.replace("RESTART", restart))
        rendered = self.workspace.ok("poscloud", "render", "-s", HOME)
        done = self.workspace.run("kubectl", "apply", "-f", "-", given=rendered)
        assert done.returncode == 0, done.stderr
        live = self.workspace.get("configmap", NODE_GUARD, "-n", HOME)
        self.file.write_text(live["data"][SETTINGS])

    def log_in(self) -> None:
        token = self.workspace.ok("kubectl", "-n", HOME, "create", "token", "guard").strip()
        admin = load({"kubeconfig": str(self.workspace.paths.admin_kubeconfig)})
        self.config.write_text(kubeconfig(admin, HOME, "guard", token))

    def look(self, sign: str = SECRET) -> subprocess.CompletedProcess[str]:
        """Run what the CronJob runs."""
        pods = self.pods()
        self.metrics.pods = {
            f"{SHOP}/{pod}": {"memory": f"{USED[name]}Mi", "cpu": "100m"} for pod, name in pods.items()
        }
        return self.workspace.run(
            "poscloud", "node-guard", "--config", str(self.file),
            KUBECONFIG=str(self.config), NODE_GUARD_URL_1=self.robot.url, NODE_GUARD_SIGN_1=sign,
        )  # fmt: skip

    def pods(self) -> dict[str, str]:
        """Return the pods that are ready and not ending → their workload."""
        items = self.workspace.get("pods", "-n", SHOP)["items"]
        return {
            item["metadata"]["name"]: item["metadata"]["labels"]["app"]
            for item in items
            if "deletionTimestamp" not in item["metadata"]
        }

    def settle(self) -> None:
        """Wait until all pods are there again."""
        for name in USED:
            kind = "statefulset" if name == "mysql" else "deployment"
            self.workspace.ok("kubectl", "-n", SHOP, "rollout", "status", f"{kind}/{name}", "--timeout=60s")


@pytest.fixture(scope="module")
def watch(workspace: Workspace, robot: Robot) -> Iterator[Watch]:
    made = [workload(name) for name in USED]
    items = {"apiVersion": "v1", "kind": "List", "items": [*made, BUDGET]}
    for name in (HOME, SHOP):
        workspace.run("kubectl", "create", "namespace", name)
    done = workspace.run("kubectl", "apply", "-f", "-", given=json.dumps(items))
    assert done.returncode == 0, done.stderr
    try:
        with serving(workspace, SHOP) as metrics:
            found = Watch(workspace, metrics, robot)
            found.describe("")
            found.log_in()
            found.settle()
            metrics.nodes = {NODE: {"memory": "70Gi", "cpu": "3"}, "node2": {"memory": "1Gi", "cpu": "1"}}
            yield found
    finally:
        workspace.run("kubectl", "delete", "namespace", HOME, SHOP, "--wait=false")
        workspace.run("kubectl", "delete", "clusterrolebinding", f"{HOME}.guard")


def test_by_default_it_only_tells_what_would_be_restarted(watch: Watch) -> None:
    before = watch.pods()
    done = watch.look()
    assert (done.returncode, watch.pods()) == (0, before), done.stderr
    [message] = watch.robot.messages
    assert message.startswith(f"报警 node {NODE}: memory 109 %, above 100 %\n")
    told = [
        line.split("/")[1].rsplit("-", 2)[0] for line in message.splitlines() if "would be restarted" in line
    ]
    assert told == ["kept", "api"]
    assert f"pod {SHOP}/mysql-0 on {NODE}: memory 6000Mi, above 4096Mi" in message
    assert "(dry run: nothing is restarted)" in message


def test_what_takes_most_is_restarted_as_budgets_allow_and_never_what_has_data(watch: Watch) -> None:
    watch.describe("restart: true")
    before, mark = watch.pods(), watch.workspace.audit_mark()
    done = watch.look()
    assert done.returncode == 0, done.stderr
    gone = {name for pod, name in before.items() if pod not in watch.pods()}
    assert gone == {"api", "web"}, done.stdout
    assert "not restarted: its PodDisruptionBudget does not allow it now" in done.stdout
    assert watch.robot.messages[-1].count(": restarted") == 2
    _uses_its_role_alone(watch.workspace, mark)
    watch.settle()


@pytest.mark.long
def test_within_an_hour_no_more_are_restarted_whatever_the_node_says(watch: Watch) -> None:
    assert watch.look().stdout.count(": restarted") == 1  # the third one
    watch.settle()
    before = watch.pods()
    done = watch.look()
    assert watch.pods() == before
    assert "3 pods were restarted within the last hour, and no more are" in done.stdout


def test_a_robot_that_refuses_is_an_error_without_its_secrets(watch: Watch) -> None:
    done = watch.look(sign="SEC-another")
    assert done.returncode == 1
    assert "webhook 1 (dingtalk, 127.0.0.1) did not take it: 310000 sign not match" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert "SEC-" not in done.stdout + done.stderr


@pytest.mark.long
def test_after_a_restart_a_node_rests(watch: Watch, tmp_path: Path) -> None:
    settings = json.loads(watch.file.read_text())
    (tmp_path / SETTINGS).write_text(json.dumps({**settings, "per_hour": 100, "top": 1, "cooldown": 3600}))
    watch.file = tmp_path / SETTINGS
    watch.workspace.ok(
        "kubectl", "-n", HOME, "annotate", "configmap", NODE_GUARD, "poscloud.io/guarded-", "--overwrite"
    )
    done = [watch.look() for _ in range(2)]
    assert done[0].stdout.count(": restarted") == 1
    assert f"node {NODE}" not in done[1].stdout, "nothing is done, and the same is not told again"


async def test_of_two_guards_at_once_one_gives_up(watch: Watch) -> None:
    cluster = Cluster(load({"kubeconfig": str(watch.config)}), Settings(), Clock())
    both, now = await read(cluster), datetime.now(UTC)
    await write(cluster, replace(both, told={"one": now}), now, 60)
    with pytest.raises(DeployError, match="another node guard works at the same time"):
        await write(cluster, replace(both, told={"other": now}), now, 60)


def test_a_cluster_without_metrics_is_told(watch: Watch) -> None:
    watch.workspace.ok("kubectl", "delete", "apiservice", "v1beta1.metrics.k8s.io")
    done = watch.look()
    assert (done.returncode, "install metrics-server" in done.stderr) == (4, True), done.stderr


def _uses_its_role_alone(workspace: Workspace, mark: int) -> None:
    [role] = [role for role in access.roles() if role["metadata"]["name"] == access.NODE_GUARD]
    given = {(verb, res) for rule in role["rules"] for res in rule["resources"] for verb in rule["verbs"]}
    used = {
        (event["verb"], "/".join(filter(None, (ref["resource"], ref.get("subresource", "")))))
        for event in workspace.requests_since(mark, f"system:serviceaccount:{HOME}:guard")
        if (ref := event.get("objectRef"))
    }
    assert used == given
