"""The local control plane for real: started, used, damaged, stopped."""

from __future__ import annotations

import http.client
import json
import logging
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poscloud.local import access, processes, storage
from poscloud.local.api import LocalApi
from poscloud.local.certificates import Pki
from poscloud.local.checks import check_clock, check_cluster, check_port, check_target
from poscloud.local.components import COMPONENTS
from poscloud.local.controlplane import ControlPlane
from poscloud.local.paths import ProjectPaths
from poscloud.local.ports import free_port
from poscloud.local.processes import Process, wait_until
from poscloud.local.progress import ConsoleReporter
from poscloud.local.toolchain import ensure_toolchain

figures = logging.getLogger("figures")
pytestmark = pytest.mark.cluster

STATEFUL_SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "serviceName": "web",
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "nodeSelector": {"node": "public"},
                "containers": [
                    {
                        "name": "web",
                        "image": "web:1",
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    }
                ],
            },
        },
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> ProjectPaths:
    paths = ProjectPaths(tmp_path_factory.mktemp("checkout"))
    ensure_toolchain(paths, ConsoleReporter())
    return paths


@pytest.fixture(scope="module")
def plane(paths: ProjectPaths) -> Iterator[ControlPlane]:
    plane = ControlPlane(paths)
    yield plane
    plane.down(delete=True)


@pytest.fixture
def api(plane: ControlPlane, paths: ProjectPaths) -> Iterator[LocalApi]:
    plane.up()
    server = plane.status().server
    api = LocalApi(int(server.rpartition(":")[2]), Pki(paths.cluster / "pki"))
    yield api
    api.close()


def pids(plane: ControlPlane) -> dict[str, int]:
    return {part.name: part.pid for part in plane.status().components}


def audit_size(plane: ControlPlane) -> int:
    return plane.audit_log.stat().st_size


def test_up(plane: ControlPlane, paths: ProjectPaths) -> None:
    began = time.monotonic()
    status = plane.up(ConsoleReporter())
    figures.info("first start: %.1f s", time.monotonic() - began)
    assert status.state == "running"
    assert (status.nodes, status.nodes_ready) == (6, 6)
    assert status.server.startswith("https://127.0.0.1:")
    record = json.loads((paths.cluster / "cluster.json").read_text())
    assert (record["server"], record["uid"]) == (status.server, status.uid)
    assert len(status.uid) == 36


def test_kubectl_works_with_the_kubeconfig(plane: ControlPlane, paths: ProjectPaths) -> None:
    plane.up()

    def get(kubeconfig: Path, what: str) -> subprocess.CompletedProcess[str]:
        kubectl = [str(paths.bin / "kubectl"), f"--kubeconfig={kubeconfig}", "--context=poscloud"]
        return subprocess.run(
            [*kubectl, "get", what, "-o", "name"], capture_output=True, text=True, check=False
        )

    nodes = [f"node/node{number}" for number in range(1, 7)]
    assert get(paths.admin_kubeconfig, "nodes").stdout.split() == nodes
    assert get(paths.kubeconfig, "storageclasses").returncode == 0
    refused = get(paths.kubeconfig, "clusterroles").stderr
    assert 'User "poscloud" cannot list resource "clusterroles"' in refused


def test_the_users_rights_are_exactly_the_roles(plane: ControlPlane, api: LocalApi) -> None:
    extra = {"metadata": {"name": "from-an-older-version", "labels": access.LABELS}, "rules": []}
    api.create(access.ROLES, extra)
    role = api.get(f"{access.ROLES}/poscloud-identity") or {}
    api.replace(f"{access.ROLES}/poscloud-identity", {**role, "rules": []})
    binding = f"{access.BINDINGS}/poscloud-namespaces:group:poscloud:operators"
    api.delete(binding)
    others = access.bindings(["poscloud-environment"], access.subject("User", "somebody"))[0]
    api.create(access.BINDINGS, others)
    plane.up()
    others_name = f"{access.BINDINGS}/{others['metadata']['name']}"
    assert api.get(others_name), "a binding that `poscloud access` printed was taken away"
    api.delete(others_name)
    items = (api.get(f"{access.ROLES}?{access.SELECTOR}") or {})["items"]
    live = {item["metadata"]["name"]: item["rules"] for item in items}
    assert live == {role["metadata"]["name"]: role["rules"] for role in access.roles()}
    given = api.get(binding) or {}
    assert given["subjects"] == [access.subject("Group", access.GROUP)]


def test_a_cluster_whose_user_was_its_administrator_goes_on(plane: ControlPlane, paths: ProjectPaths) -> None:
    """What an older version left: no certificate of the user, the administrator's in the ordinary kubeconfig."""
    uid = plane.up().uid
    shutil.copy(paths.admin_kubeconfig, paths.kubeconfig)
    paths.admin_kubeconfig.unlink()
    for file in (Pki(paths.cluster / "pki").key("user"), Pki(paths.cluster / "pki").certificate("user")):
        file.unlink()
    assert plane.up().uid == uid
    users = json.loads(paths.kubeconfig.read_text())["users"]
    assert [user["name"] for user in users] == ["poscloud-user"]


def test_memory(plane: ControlPlane) -> None:
    plane.up()
    used = plane.memory()
    figures.info("memory in MiB: %s", {name: value >> 20 for name, value in used.items()})
    assert used.keys() == {entry.name for entry in COMPONENTS}
    assert sum(used.values()) < 900 << 20


def test_a_second_up_starts_and_changes_nothing(plane: ControlPlane) -> None:
    plane.up()
    before, position = pids(plane), audit_size(plane)
    began = time.monotonic()
    plane.up()
    assert time.monotonic() - began < 1.5
    assert pids(plane) == before
    with plane.audit_log.open() as file:
        file.seek(position)
        mine = [event for event in map(json.loads, file) if event["user"]["username"] == "poscloud-admin"]
    assert {event["verb"] for event in mine} == {"get", "list"}


@pytest.mark.parametrize("name", [entry.name for entry in COMPONENTS])
def test_a_killed_component_is_mended_and_the_others_stay(plane: ControlPlane, name: str) -> None:
    plane.up()
    before = pids(plane)
    started = processes.start_time(before[name])
    assert started
    os.kill(before[name], signal.SIGKILL)
    assert wait_until(lambda: not processes.alive(Process(before[name], started)), timeout=5)
    assert plane.status().state == "partial"
    assert plane.up().state == "running"
    after = pids(plane)
    assert {entry for entry in before if before[entry] != after[entry]} == {name}


def test_a_lost_record_finds_its_processes_again(plane: ControlPlane, paths: ProjectPaths) -> None:
    server = plane.up().server
    before = pids(plane)
    file = paths.cluster / "cluster.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "components": {}}))
    assert pids(plane) == before
    assert plane.up().server == server


def test_volume_claims_bind_and_leave_nothing(
    plane: ControlPlane, paths: ProjectPaths, api: LocalApi
) -> None:
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    sets = "/apis/apps/v1/namespaces/default/statefulsets"

    def items(path: str) -> list[dict[str, Any]]:
        return list((api.get(path) or {}).get("items", []))

    api.create(sets, STATEFUL_SET)
    assert wait_until(
        lambda: (api.get(f"{sets}/web") or {}).get("status", {}).get("readyReplicas") == 2, timeout=20
    )
    assert {item["status"]["phase"] for item in items(claims)} == {"Bound"}
    folders = [Path(item["spec"]["hostPath"]["path"]) for item in items("/api/v1/persistentvolumes")]
    assert len(folders) == 2
    assert all(folder.is_dir() for folder in folders)
    assert set(folders) <= set(storage.volumes(paths.cluster / "etcd"))

    api.delete(f"{sets}/web")
    for item in items(claims):
        api.delete(f"{claims}/{item['metadata']['name']}")
    assert wait_until(lambda: not items("/api/v1/persistentvolumes"), timeout=20)
    assert not any(folder.exists() for folder in folders)


def test_strangers_are_not_let_in(plane: ControlPlane) -> None:
    status = plane.up()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        "127.0.0.1", int(status.server.rpartition(":")[2]), context=context
    )
    connection.request("GET", "/api/v1/namespaces")
    assert connection.getresponse().status == 401
    connection.close()


def listening(pid: int) -> list[str]:
    """Return the addresses, in the kernel's notation, that a process listens on or receives datagrams at."""
    sockets = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = []
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and f"socket:[{fields[9]}]" in sockets:
                found.append(fields[1])
    return found


def test_nothing_listens_beyond_this_machine(plane: ControlPlane, paths: ProjectPaths) -> None:
    plane.up()
    record = json.loads((paths.cluster / "cluster.json").read_text())
    found = {name: listening(pid) for name, pid in pids(plane).items()}
    assert all(address.startswith("0100007F:") for each in found.values() for address in each), found
    assert found["kube-apiserver"] == [f"0100007F:{record['port']:04X}"]
    assert f"0100007F:{record['etcd_port']:04X}" in found["etcd"]
    assert len(found["etcd"]) == 2, "clients, and members, of which there is no second one"
    assert found["kwok"] == [f"0100007F:{record['kubelet_port']:04X}"]
    assert [found[name] for name in ("kube-controller-manager", "kube-scheduler")] == [[], []]


def test_logs_say_that_a_container_is_simulated(
    plane: ControlPlane, paths: ProjectPaths, api: LocalApi
) -> None:
    """Also after the port where kwok answers was taken by somebody else."""
    pod = {"metadata": {"name": "talks"}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    api.create("/api/v1/namespaces/default/pods", pod)
    command = [str(paths.bin / "kubectl"), f"--kubeconfig={paths.kubeconfig}", "logs", "talks"]

    def log() -> bool:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return "This container is simulated" in done.stdout

    assert wait_until(log, timeout=20)
    plane.down()
    record = json.loads((paths.cluster / "cluster.json").read_text())
    with socket.create_server(("127.0.0.1", record["kubelet_port"])):
        plane.up()
        assert wait_until(log, timeout=20)


def asked(pki: Pki, address: str, user: str) -> str:
    """Return what etcd answers to somebody with this certificate; nothing when it ends the connection."""
    context = ssl.create_default_context(cafile=str(pki.certificate("etcd-ca")))
    if user:
        context.load_cert_chain(pki.certificate(user), pki.key(user))
    with socket.create_connection(("127.0.0.1", int(address.partition(":")[2], 16)), timeout=5) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                connection.sendall(b"GET /version HTTP/1.0\r\n\r\n")
                return connection.recv(1000).decode()
        except (ssl.SSLError, ConnectionError):
            return ""


def test_nobody_but_the_api_server_talks_to_etcd(plane: ControlPlane, paths: ProjectPaths) -> None:
    plane.up()
    pki = Pki(paths.cluster / "pki")
    for address in listening(pids(plane)["etcd"]):
        assert "200 OK" in asked(pki, address, "etcd-client")
        # No certificate, or one of the API server's clients: etcd has an authority of its own.
        assert [asked(pki, address, user) for user in ("", "user", "admin")] == ["", "", ""]


def test_doctors_checks_of_a_running_cluster(plane: ControlPlane, paths: ProjectPaths) -> None:
    status = plane.up()
    checks = [check_port(paths), check_cluster(paths), check_clock(paths), check_target(paths)]
    assert [check for check in checks if not check.passed] == []
    assert status.uid in checks[-1].found
    assert status.server in checks[-1].found


def test_two_at_once(plane: ControlPlane) -> None:
    plane.down()
    failures: list[BaseException] = []

    def up() -> None:
        try:
            ControlPlane(plane.paths).up()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    running = [pid for pid in pids(plane).values() if pid]
    assert len(running) == len(COMPONENTS)


def test_a_set_up_killed_half_way_is_mended(plane: ControlPlane, paths: ProjectPaths) -> None:
    plane.down()
    script = (
        "import sys; from pathlib import Path; from poscloud.local.controlplane import ControlPlane;"
        "from poscloud.local.paths import ProjectPaths; ControlPlane(ProjectPaths(Path(sys.argv[1]))).up()"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(paths.root)])
    assert wait_until(lambda: pids(plane)["kube-apiserver"] != 0, timeout=20)
    child.send_signal(signal.SIGKILL)
    child.wait()
    server = pids(plane)["kube-apiserver"]
    assert plane.up().state == "running"
    assert pids(plane)["kube-apiserver"] == server


def test_down_keeps_the_data_and_leaves_no_process(
    plane: ControlPlane, paths: ProjectPaths, api: LocalApi
) -> None:
    api.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "kept"}, "data": {"a": "b"}})
    before = plane.status()
    began = time.monotonic()
    plane.down()
    assert time.monotonic() - began < 5
    assert plane.status().state == "stopped"
    assert not any(processes.find(entry.name, f"={paths.cluster}/") for entry in COMPONENTS)

    began = time.monotonic()
    after = plane.up()
    figures.info("start again: %.1f s", time.monotonic() - began)
    assert (after.uid, after.server, after.nodes_ready) == (before.uid, before.server, 6)
    api.close()
    assert api.delete("/api/v1/namespaces/default/configmaps/kept")


def test_another_port(plane: ControlPlane, paths: ProjectPaths) -> None:
    plane.up()
    port = free_port()
    status = plane.up(port=port)
    assert status.server == f"https://127.0.0.1:{port}"
    assert status.state == "running"
    assert check_target(paths).passed


def test_down_with_delete_leaves_nothing(plane: ControlPlane, paths: ProjectPaths, api: LocalApi) -> None:
    claim = {
        "metadata": {"name": "left"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    api.create(claims, claim)
    assert wait_until(
        lambda: (api.get(f"{claims}/left") or {}).get("status", {}).get("phase") == "Bound", timeout=20
    )
    folders = [
        Path(item["spec"]["hostPath"]["path"])
        for item in (api.get("/api/v1/persistentvolumes") or {})["items"]
    ]
    plane.down()
    plane.down(delete=True)
    assert folders and not any(folder.exists() for folder in folders)
    assert not paths.cluster.exists()
    assert plane.status().server == ""
