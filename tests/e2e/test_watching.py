"""What people look at every day, from the command line over the real wire: in a pipe, and in a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.simulatedlogs import SimulatedLogs
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "watched"
DESCRIPTION = """\
backing: {redis: {}}
services:
  web: {kind: java, replicas: 2, uses: [redis]}
  pay: {kind: java, uses: [redis], version: v7}
"""
LATE = "web-late"
TRACE = ("ERROR order {n} failed", "java.lang.IllegalStateException: {n}", "\tat a.B.c(B.java:{n})")
PATIENCE = 60.0


class Watched:
    """The environment, and commands that look at it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        found = workspace.get("pods", "-n", STACK)["items"]
        self.pods: dict[str, list[str]] = {}
        for pod in found:
            self.pods.setdefault(pod["metadata"]["labels"]["app"], []).append(pod["metadata"]["name"])
        names = [name for some in self.pods.values() for name in sorted(some)]
        self.logs = SimulatedLogs(workspace, STACK, [*names, LATE])

    def run(self, *words: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """Look at the environment, and expect an exit code."""
        done = self.workspace.run("poscloud", *words, **variables)
        assert done.returncode == code, f"{words} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback (most" not in done.stderr
        return done

    def data(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Return what a command prints with --json."""
        found: dict[str, Any] = json.loads(self.run(*words, "--json", code=code).stdout)
        return found

    def patch(self, kind: str, name: str, patch: dict[str, Any], *, status: bool = False) -> None:
        """Change an object as its node or somebody would."""
        flags = ["--subresource=status"] if status else []
        self.workspace.ok(
            "kubectl", "patch", kind, name, "-n", STACK, "--type=merge", *flags, "-p", json.dumps(patch)
        )

    def move_redis(self, node: str | None) -> None:
        """Have redis ask for other nodes; a pod that waits for one is not replaced by itself."""
        self.patch("statefulset", "redis", {"spec": {"template": {"spec": {"nodeSelector": {"node": node}}}}})
        self.workspace.ok("kubectl", "delete", "pod", "redis-0", "-n", STACK, "--ignore-not-found", "--wait")

    def apply(self, obj: dict[str, Any]) -> None:
        """Make an object as the administrator."""
        done = self.workspace.run("kubectl", "apply", "-f", "-", given=json.dumps(obj))
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def watched(workspace: Workspace) -> Iterator[Watched]:
    """An environment with three services that are ready, and logs that a test can write."""
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(DESCRIPTION)
    (workspace.root / "poscloud.yaml").write_text(f"environment: {STACK}\n")
    workspace.ok("poscloud", "up", "-s", STACK)
    yield Watched(workspace)
    (workspace.root / "poscloud.yaml").unlink()
    workspace.run("poscloud", "destroy", "--discard-logs", "--yes", "-s", STACK)


@pytest.fixture
def clean(watched: Watched) -> Watched:
    """The same with empty logs."""
    for some in watched.pods.values():
        for pod in some:
            watched.logs.file(pod).write_bytes(b"")
    return watched


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.05)


def test_status_and_logs_of_the_default_environment(clean: Watched) -> None:
    """The heart of it, in CI as well."""
    rows = {row["name"]: row for row in clean.data("status")["services"]}
    assert {name: (row["state"], row["ready"], row["kind"]) for name, row in rows.items()} == {
        "pay": ("ready", 1, "java"),
        "redis": ("ready", 1, "redis"),
        "web": ("ready", 2, "java"),
    }
    assert (rows["pay"]["version"], rows["pay"]["after"], rows["pay"]["measured"]) == ("v7", ["redis"], False)
    now, (one, other) = datetime.now(UTC), sorted(clean.pods["web"])
    for number in range(6):
        pod = one if number % 2 else other
        clean.logs.write(pod, f"line {number}", at=now + timedelta(milliseconds=number))
    lines = clean.run("logs", "web").stdout.splitlines()
    assert [line.partition(" | ")[2] for line in lines] == [f"line {number}" for number in range(6)]
    assert re.fullmatch(rf"[\d-]+T[\d:.]+Z {other} \| line 0", lines[0])
    assert "did you mean 'web'?" in clean.run("logs", "wbe", code=2).stderr


@pytest.mark.long
def test_several_services_and_the_old_tools_words(clean: Watched) -> None:
    assert [row["name"] for row in clean.data("get_all", "web-pay")["services"]] == ["web", "pay"]
    table = clean.run("status", "redis", "pay", "-e", STACK).stdout.splitlines()
    assert table[0].split()[:4] == ["SERVICE", "KIND", "STATE", "READY"]
    assert [line.split()[0] for line in table[1:3]] == ["redis", "pay"]
    assert f"{STACK}: 2 of 2 services ready" in table
    assert "CPU and memory are what the pods ask for: the cluster has no metrics server" in table


@pytest.mark.long
def test_cpu_and_memory_as_measured(watched: Watched) -> None:
    """A metrics server is an API like any other; here a definition has the place of a program."""
    labels = {"api-approved.kubernetes.io": "unapproved, a test"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "pods", "kind": "PodMetrics", "listKind": "PodMetricsList"}
    watched.apply({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "pods.metrics.k8s.io", "annotations": labels},
        "spec": {"group": "metrics.k8s.io", "scope": "Namespaced", "names": names, "versions": [version]},
    })  # fmt: skip
    try:
        watched.workspace.ok(
            "kubectl", "wait", "--for=condition=Established", "crd/pods.metrics.k8s.io", "--timeout=30s"
        )
        for pod, memory in zip(watched.pods["web"], ("100Mi", "200Mi"), strict=True):
            usage = {"name": "web", "usage": {"cpu": "250000000n", "memory": memory}}
            watched.apply({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
                           "metadata": {"name": pod, "namespace": STACK}, "containers": [usage]})  # fmt: skip
        wait_for(lambda: watched.data("status")["unmeasured"] is None, "the API to be told of")
        found = watched.data("status")
        web, pay = ({row["name"]: row for row in found["services"]}[name] for name in ("web", "pay"))
        assert (web["measured"], web["cpu"], web["memory"]) == (True, 0.5, 300 * 2**20)
        assert (pay["measured"], found["unmeasured"]) == (False, None)
        loads = {load["name"]: load for load in watched.data("top")["loads"]}
        assert loads["web"]["memory"]["used"] == 300 * 2**20
        assert [load["memory"]["used"] / 2**20 for load in watched.data("top", "web")["loads"]] == [200, 100]
    finally:
        watched.workspace.ok("kubectl", "delete", "crd", "pods.metrics.k8s.io", "--wait")


@pytest.mark.long
def test_following_outlives_a_pod_and_takes_up_a_new_one(clean: Watched, tmp_path: Path) -> None:
    pod, out, err = clean.pods["pay"][0], tmp_path / "out", tmp_path / "err"
    (one, _) = sorted(clean.pods["web"])
    clean.logs.write(one, "old")
    with out.open("wb") as to, err.open("wb") as note:
        process = subprocess.Popen(
            ["poscloud", "logs", "web", "pay", "-f"], cwd=clean.workspace.root, stdout=to, stderr=note,
            env=clean.workspace.environment(),
        )  # fmt: skip
        try:
            wait_for(lambda: b"| old" in out.read_bytes(), "the line that was there")
            clean.logs.write(one, "now")
            clean.logs.write(pod, "last words")
            wait_for(lambda: b"| last words" in out.read_bytes(), "a line that is written now")
            clean.apply({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": LATE, "namespace": STACK, "labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:v1"}]},
            })  # fmt: skip
            clean.logs.write(LATE, "I am new")
            wait_for(lambda: f"{LATE} | I am new".encode() in out.read_bytes(), "the new pod")
            clean.workspace.ok("kubectl", "delete", "pod", LATE, "-n", STACK, "--wait")
            wait_for(lambda: f"{LATE} is gone".encode() in err.read_bytes(), "the end of the pod")
            clean.logs.write(one, "still here")
            wait_for(lambda: b"| still here" in out.read_bytes(), "a line after that")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 130
        finally:
            process.kill()
    texts = [line.partition(b" | ")[2] for line in out.read_bytes().splitlines()]
    assert texts == [b"old", b"now", b"last words", b"I am new", b"still here"]


@pytest.mark.long
def test_in_a_terminal_there_are_colours_and_it_says_which_environment(clean: Watched) -> None:
    clean.logs.write(clean.pods["pay"][0], "hello")
    environment = clean.workspace.environment() | {"TERM": "xterm"}
    for words in (["status"], ["logs", "pay"]):
        text = in_terminal(clean.workspace.root, ["poscloud", *words], environment)
        assert f"environment {STACK} (from poscloud.yaml)" in text
        assert "\x1b[" in text
    assert "\x1b[" not in in_terminal(
        clean.workspace.root, ["poscloud", "status"], environment | {"NO_COLOR": "1"}
    )


def in_terminal(folder: Path, command: list[str], environment: dict[str, str]) -> str:
    """Run a command in a terminal of its own, and return what it shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(command[0], command, environment)
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other side is gone
            part = b""
        if not part:
            break
        parts.append(part)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    return b"".join(parts).decode()


@pytest.mark.long
def test_errors_that_are_alike_and_those_that_are_new(clean: Watched, tmp_path: Path) -> None:
    pod, now = clean.pods["pay"][0], datetime.now(UTC)
    for number in range(3):
        lines = [line.format(n=number + 17) for line in TRACE]
        clean.logs.write(pod, *lines, at=now - timedelta(minutes=30 - number))
    clean.logs.write(pod, "INFO all is well")
    (known,) = clean.data("error-logs", "pay", code=1)["errors"]
    assert (known["count"], known["title"]) == (
        3,
        "ERROR order # failed … java.lang.IllegalStateException: #",
    )
    before = tmp_path / "before.json"
    before.write_text(clean.run("error-logs", "--json", code=1).stdout)
    clean.logs.write(pod, *(line.format(n=99) for line in TRACE), "FATAL no disk")
    for since in (str(before), "10m"):
        (new,) = clean.data("error-logs", "--new-since", since, code=1)["errors"]
        assert (new["title"], new["pods"]) == ("FATAL no disk", [pod])
    assert "4x" in clean.run("error-logs", "pay", code=1).stdout
    assert clean.data("error-logs", "web")["errors"] == []


@pytest.mark.long
def test_why_a_service_is_not_ready(clean: Watched) -> None:
    pod = clean.pods["pay"][0]
    times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}
    container = {
        **{"name": "pay", "image": "pay:v7", "imageID": "", "ready": False, "started": False},
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", **times}},
    }
    conditions = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    status = {
        "conditions": [*conditions, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [container],
    }
    clean.logs.write(pod, "starting", "java.net.UnknownHostException: kafka", previous=True)
    clean.patch("pod", pod, {"status": status}, status=True)
    why = ("poscloud", "why", "pay")
    wait_for(lambda: clean.workspace.run(*why).returncode == 1, "the controller to see it")
    text = clean.run("why", "pay", code=1).stdout
    assert "pay: not ready: " in text
    assert "likely cause: it does not find kafka" in text
    assert (
        f"pod {pod}, pay: container waiting, CrashLoopBackOff, 4 restarts, last exit code 1 (Error)" in text
    )
    assert text.endswith("  starting\n  java.net.UnknownHostException: kafka\n")
    assert clean.data("status", "pay", code=1)["services"][0]["state"] == "CrashLoopBackOff"
    assert clean.run("why", "web").stdout == "web: ready, 2 of 2 pods ready\n"
    clean.workspace.ok("kubectl", "delete", "pod", pod, "-n", STACK, "--wait")


@pytest.mark.long
def test_why_a_pod_has_no_node_and_who_waits_for_it(watched: Watched) -> None:
    file = watched.workspace.root / "stacks" / f"{STACK}.yaml"
    file.write_text(DESCRIPTION + "  late: {kind: java, uses: [web]}\n")
    pod = watched.workspace.get("statefulset", "redis", "-n", STACK)["spec"]["template"]["spec"]
    before = pod.get("nodeSelector", {}).get("node")
    try:
        watched.move_redis("gpu")
        wait_for(
            lambda: "Unschedulable" in watched.workspace.run("poscloud", "status").stdout, "the scheduler"
        )
        text = watched.run("why", "redis", code=1).stdout
        assert "likely cause: no node has the labels that it asks for (" in text
        assert "node=gpu" in text
        assert "FailedScheduling" in watched.run("events", "redis", "--warnings").stdout
        rows = {row["name"]: row for row in watched.data("status", code=1)["services"]}
        assert (rows["redis"]["state"], rows["late"]["state"], rows["late"]["waits_for"]) == (
            "Unschedulable", "not made", []
        )  # fmt: skip
        assert "it is described, but not in the cluster" in watched.run("why", "late", code=1).stdout
    finally:
        file.write_text(DESCRIPTION)
        watched.move_redis(before)
        wait_for(lambda: watched.workspace.run("poscloud", "status").returncode == 0, "redis")


@pytest.mark.long
def test_the_picture_with_its_state(watched: Watched) -> None:
    text = watched.run("graph").stdout
    assert re.search(r"web +java +ready +2/2 v1 +→ redis", text)
    assert "n0 --> n1" in watched.run("graph", "--format", "mermaid").stdout
    assert watched.run("graph", "--format", "html").stdout.startswith("<!doctype html>")
    forward = watched.run("open", "web")
    assert "port-forward" in forward.stdout


@pytest.mark.long
def test_who_may_not_is_told_what_to_ask_for(watched: Watched, tmp_path: Path) -> None:
    """As a user of the cluster without any rights, by a kubeconfig of his own."""
    stranger = tmp_path / "stranger.kubeconfig"
    found = json.loads(watched.workspace.paths.admin_kubeconfig.read_text())
    user = found["contexts"][0]["context"]["user"]
    found["users"] = [{"name": user, "user": {**found["users"][0]["user"]}}]
    found["contexts"][0]["name"] = found["current-context"] = "stranger"
    token = watched.workspace.run("kubectl", "create", "token", "default", "-n", STACK).stdout.strip()
    found["users"][0]["user"] = {"token": token}
    stranger.write_text(json.dumps(found))
    config = watched.workspace.root / f"Pulumi.{STACK}.yaml"
    before = config.read_text() if config.exists() else None
    try:
        config.write_text("config: {poscloud:context: stranger}\n")
        variables = {"POSCLOUD_USER_KUBECONFIG": str(stranger)}
        done = watched.run("status", code=3, **variables)
        assert 'cannot get resource "namespaces"' in done.stderr
        assert (
            f"poscloud access --service-account {STACK}/default --namespace {STACK} | kubectl apply"
            in done.stderr
        )
        found["users"][0]["user"] = {"token": "expired"}
        stranger.write_text(json.dumps(found))
        assert "credentials rejected" in watched.run("logs", "web", code=3, **variables).stderr
        found["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
        stranger.write_text(json.dumps(found))
        assert "connection refused" in watched.run("why", "web", code=4, **variables).stderr
    finally:
        config.unlink() if before is None else config.write_text(before)


@pytest.mark.long
def test_a_namespace_of_somebody_else_and_one_that_is_not_there(watched: Watched) -> None:
    stacks = watched.workspace.root / "stacks"
    (stacks / "default.yaml").write_text("services: {a: java}\n")
    (stacks / "absent.yaml").write_text("services: {a: java}\n")
    assert "belongs to no stack" in watched.run("status", "-e", "default", code=4).stderr
    assert "absent is not up" in watched.run("status", "-e", "absent", code=4).stderr
    assert "did you mean 'watched'?" in watched.run("status", "-e", "watchd", code=6).stderr
    for name in ("default", "absent"):
        (stacks / f"{name}.yaml").unlink()
