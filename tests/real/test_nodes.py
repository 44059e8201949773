"""A pod on a real node does what a pod does."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from poscloud.local import processes
from poscloud.local.ports import free_port
from poscloud.local.realnodes import control
from tests.real.cluster import RealCluster, pod, service

pytestmark = pytest.mark.real

WEB = "echo started; echo page from $(hostname) > /www/index.html; exec httpd -f -p 8080 -h /www"


@pytest.fixture(scope="module")
def web(real: RealCluster) -> RealCluster:
    """A web server on each node, behind a Service each, and a client."""
    for number in (1, 2):
        real.apply(pod(f"web{number}", WEB, node=f"real{number}"), service(f"web{number}", 80, 8080))
    real.apply(pod("client", node="real1"))
    real.ready("web1", "web2", "client")
    return real


def test_all_nodes_are_ready(real: RealCluster) -> None:
    status = real.control_plane.status()
    assert (status.state, status.nodes, status.nodes_ready) == ("running", 5, 5)
    nodes = {node["metadata"]["name"]: node for node in real.get("nodes")["items"]}
    assert nodes["real1"]["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")
    assert nodes["real2"]["metadata"]["labels"]["node"] == "public"
    assert nodes["node1"]["spec"]["taints"][0]["key"] == "kwok.x-k8s.io/node"


def test_logs_exec_and_exit_codes(web: RealCluster) -> None:
    assert web.ok("kubectl", "logs", "web2") == "started\n"
    assert web.inside("web2", "hostname") == "web2\n"
    assert web.run("kubectl", "exec", "web1", "--", "sh", "-c", "exit 7").returncode == 7
    assert web.run("kubectl", "exec", "-i", "web1", "--", "cat", given="given\n").stdout == "given\n"


@pytest.mark.parametrize("name", ["web1", "web2.default", "web1.default.svc.cluster.local"])
def test_services_are_found_by_name_on_both_nodes(web: RealCluster, name: str) -> None:
    assert web.inside("client", "wget", "-qO-", f"http://{name}/") == f"page from {name.split('.')[0]}\n"


def test_a_pod_reaches_itself_through_its_service(web: RealCluster) -> None:
    assert web.inside("web1", "wget", "-qO-", "http://web1.default/") == "page from web1\n"


def test_a_name_outside_does_not_exist_and_nobody_waits_for_it(web: RealCluster) -> None:
    done = web.run("kubectl", "exec", "client", "--", "nslookup", "example.com")
    assert "NXDOMAIN" in done.stdout


def test_the_api_server_is_reached_from_a_pod(web: RealCluster) -> None:
    token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert web.inside("client", "sh", "-c", f"test -s {token} && echo there") == "there\n"
    done = web.run("kubectl", "exec", "client", "--", "sh", "-c", "echo | nc kubernetes 443 && echo open")
    assert "open" in done.stdout or "nc" in done.stderr


@pytest.fixture
def forwarded(web: RealCluster) -> Iterator[int]:
    port = free_port()
    command = ["kubectl", "port-forward", "service/web2", f"{port}:80"]
    process = subprocess.Popen(command, env=web.admin_environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "Forwarding" in process.stdout.readline()
    yield port
    process.send_signal(signal.SIGTERM)
    process.communicate()


def test_port_forward(forwarded: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{forwarded}/", timeout=10) as answer:
        assert answer.read() == b"page from web2\n"


def test_a_volume_moves_with_its_pod_to_another_node(real: RealCluster) -> None:
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }  # fmt: skip
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    real.apply(claim)
    for number in (1, 2):
        moved = pod("keeper", node=f"real{number}", volumeMounts=[{"name": "data", "mountPath": "/data"}])
        moved["spec"]["volumes"] = volumes
        moved["spec"]["securityContext"] = {"runAsUser": 1000, "fsGroup": 1000}
        real.apply(moved)
        real.ready("keeper")
        if number == 1:
            real.inside("keeper", "sh", "-c", "echo kept > /data/file")
            real.ok("kubectl", "delete", "pod", "keeper", "--wait")
    assert real.get("pod", "keeper")["spec"]["nodeName"] == "real2"
    assert real.inside("keeper", "cat", "/data/file") == "kept\n"
    assert [path.name for path in real.paths.cluster.glob("hostpath_pv/*/file")] == ["file"]


def test_an_unknown_image_is_told_as_such(real: RealCluster) -> None:
    real.apply(pod("unknown", image="harbor.example.com/wbyh/nosuch:1"))
    real.until("ErrImagePull", lambda: "waiting" in real.container("unknown"))
    seen: list[str] = []

    def refused() -> bool:
        waiting = real.container("unknown").get("waiting", {})
        seen.append(f"{waiting.get('reason')}: {waiting.get('message')}")
        return waiting.get("reason") in ("ErrImagePull", "ImagePullBackOff")

    real.until("the refusal", refused, timeout=15)
    assert "harbor.example.com/wbyh/nosuch:1" in seen[-1]
    real.until(
        "the event", lambda: "not found" in real.ok("kubectl", "events", "--for", "pod/unknown"), timeout=15
    )
    real.ok("kubectl", "delete", "pod", "unknown")


def test_an_image_that_is_always_pulled_is_had_each_time(real: RealCluster) -> None:
    real.apply(pod("always", image="harbor.example.com/team/app:1.2", imagePullPolicy="Always"))
    real.ready("always")
    real.ok("kubectl", "delete", "pod", "always")


def test_too_much_memory_ends_a_container(real: RealCluster) -> None:
    limits = {"limits": {"memory": "24Mi"}, "requests": {"memory": "24Mi", "cpu": "10m"}}
    real.apply(pod("greedy", "x=x; while true; do x=$x$x; done", resources=limits))

    def killed() -> bool:
        states = (real.container("greedy"), real.container("greedy", "lastState"))
        return any(state.get("terminated", {}).get("reason") == "OOMKilled" for state in states)

    real.until("OOMKilled", killed, timeout=60)
    real.ok("kubectl", "delete", "pod", "greedy")


def test_a_failing_liveness_probe_restarts_a_container(real: RealCluster) -> None:
    probe = {
        "exec": {"command": ["test", "!", "-e", "/tmp/broken"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    real.apply(pod("fragile", livenessProbe=probe))
    real.ready("fragile")
    real.inside("fragile", "touch", "/tmp/broken")
    real.until(
        "a restart", lambda: real.get("pod", "fragile")["status"]["containerStatuses"][0]["restartCount"] > 0
    )
    real.ok("kubectl", "delete", "pod", "fragile")


def test_a_simulated_node_gets_only_what_tolerates_it(real: RealCluster) -> None:
    fleet = pod("fleet", node="node2")
    fleet["spec"]["tolerations"] = [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}]
    real.apply(fleet)
    real.ready("fleet")
    assert real.get("pod", "fleet")["spec"]["nodeName"] == "node2"
    real.ok("kubectl", "delete", "pod", "fleet", "--force", "--grace-period=0")


def test_labels_that_an_environment_asks_for(real: RealCluster) -> None:
    real.control_plane.stand_in([{"node": "public"}, {"zone": "a"}], ["fast"])
    assert {n["metadata"]["name"] for n in real.get("nodes", "-l", "zone=a")["items"]} == {"real1", "real2"}
    assert real.get("storageclass", "fast")["provisioner"] == "kubernetes.io/host-path"


def test_a_program_that_is_killed_is_started_again(web: RealCluster) -> None:
    def kubelet() -> control.NodeProgram:
        return next(p for p in control.ask(web.paths) if (p.node, p.name) == ("real1", "kubelet"))

    before = kubelet()
    started = processes.start_time(before.pid)
    assert started is not None
    processes.signal_all([processes.Process(before.pid, started)], signal.SIGKILL)
    web.until(
        "the kubelet's return", lambda: kubelet().restarts == 1 and kubelet().state == "ready", timeout=30
    )
    # It learns again which pods it has; they ran on meanwhile.
    web.until(
        "web1", lambda: web.run("kubectl", "exec", "web1", "--", "hostname").stdout == "web1\n", timeout=30
    )
    assert web.get("pod", "web1")["status"]["containerStatuses"][0]["restartCount"] == 0
    assert "killed by signal 9" in web.control_plane.log("sandbox").read_text()


@pytest.mark.parametrize(
    ("program", "user"), [("kube-proxy", "system:kube-proxy"), ("coredns", "poscloud:coredns")]
)
def test_what_only_reads_may_nothing_else_and_needs_nothing_else(
    web: RealCluster, program: str, user: str
) -> None:
    asked = web.requests_since(0, user)
    refused = [e["requestURI"] for e in asked if e["responseStatus"]["code"] in (401, 403)]
    assert asked and refused == []
    file = web.paths.cluster / "config" / "real1" / f"{program}.kubeconfig"
    server = f"--server={web.control_plane.status().server}"
    done = web.run("kubectl", f"--kubeconfig={file}", server, "get", "secrets", "-A")
    assert f'User "{user}" cannot list resource "secrets"' in done.stderr


def test_status_and_logs_of_the_command_line(real: RealCluster) -> None:
    shown = json.loads(real.ok("poscloud", "cluster", "status", "--json"))
    assert shown["kind"] == "real=2,kwok=3"
    names = {entry["name"]: entry for entry in shown["components"]}
    assert names["real2/kubelet"]["running"] and names["real1/etcd"]["memory"] > 10 << 20
    said = real.ok("poscloud", "cluster", "logs", "kubelet", "-n", "5")
    assert "kubelet: " in said and "kubelet.real2: " in said


def test_only_the_api_servers_port_is_open_on_this_machine(real: RealCluster) -> None:
    port = int(real.control_plane.status().server.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    for closed in (10250, 10256, 5000, 53):
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", closed), timeout=5):
            pass
