"""What people look at every day, from the command line over the real wire."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.simulatedlogs import SimulatedLogs
from tests.terminal import PATIENCE, Terminal
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "watched"
DESCRIPTION = """\
backing: {redis: {}}
services:
  web: {kind: java, replicas: 2, uses: [redis]}
  pay: {kind: java, uses: [redis], version: v7}
"""


class Watched:
    """The environment, and commands that look at it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        found = workspace.get("pods", "-n", STACK)["items"]
        self.pods: dict[str, list[str]] = {}
        for pod in found:
            self.pods.setdefault(pod["metadata"]["labels"]["app"], []).append(pod["metadata"]["name"])
        names = [name for some in self.pods.values() for name in sorted(some)]
        self.logs = SimulatedLogs(workspace, STACK, names)

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


class Following:
    """``poscloud logs -f`` while it runs: what it shows, and its notes."""

    def __init__(self, watched: Watched, *words: str) -> None:
        self.folder = watched.workspace.root
        self.out, self.err = self.folder / "followed.out", self.folder / "followed.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                ["poscloud", "logs", "-f", "-e", STACK, *words],
                cwd=self.folder, env=watched.workspace.environment(), stdout=out, stderr=err,
            )  # fmt: skip

    def shows(self, text: str) -> None:
        wait_for(lambda: text in self.out.read_text(), f"{text!r} in {self.out.read_text()!r}")

    def notes(self, text: str) -> None:
        wait_for(lambda: text in self.err.read_text(), f"{text!r} in {self.err.read_text()!r}")

    def end(self) -> str:
        """End it as a person does, and return all that it has shown."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE) == 130
        return self.out.read_text()


@pytest.mark.long
def test_a_pod_that_is_gone_while_it_is_followed_ends_nothing(clean: Watched) -> None:
    (pod,) = clean.pods["redis"]
    clean.logs.write(pod, "before")
    following = Following(clean, "redis", "pay")
    following.shows(f"{pod} | before")
    clean.workspace.ok("kubectl", "-n", STACK, "delete", "pod", pod, "--wait")
    following.notes(f"{pod} is gone")
    following.notes(f"{pod} is new")  # a stateful set's pod has the name of the old one
    clean.logs.write(pod, "after")
    clean.logs.write(clean.pods["pay"][0], "another")
    following.shows(f"{pod} | after")
    following.shows("another")
    lines = following.end().splitlines()
    assert sum("| after" in line for line in lines) == 1


@pytest.mark.long
def test_following_goes_through_a_rollout(watched: Watched) -> None:
    old = watched.pods["web"]
    following = Following(watched, "web", "--tail", "1")
    watched.logs.write(old[0], "the last of the old")
    following.shows("the last of the old")
    watched.workspace.ok("kubectl", "-n", STACK, "rollout", "restart", "deployment", "web")
    watched.workspace.ok("kubectl", "-n", STACK, "rollout", "status", "deployment", "web", "--timeout=60s")
    for pod in old:
        following.notes(f"{pod} is gone")
    labels = ("-l", "app=web", "--field-selector=status.phase=Running")
    found = watched.workspace.get("pods", "-n", STACK, *labels)["items"]
    new = {pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]}
    assert len(new) == 2 and not new & set(old)
    for pod in new:
        following.notes(f"{pod} is new")
        following.shows(f"{pod} | ")
    following.end()
    watched.pods["web"] = sorted(new)


@pytest.mark.long
def test_why_tells_what_the_scheduler_says(watched: Watched) -> None:
    patch = '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"no-such"}}}}}'
    watched.workspace.ok("kubectl", "-n", STACK, "patch", "deployment", "pay", "-p", patch)
    try:
        wait_for(lambda: "node affinity/selector" in watched_why(watched, "pay"), "the scheduler's sentence")
        told = watched_why(watched, "pay")
        assert "no node has the labels that it asks for" in told and "disk" in told
        warnings = watched.data("events", "pay", "--warnings")["events"]
        assert "FailedScheduling" in {event["reason"] for event in warnings}
    finally:
        watched.workspace.ok("kubectl", "-n", STACK, "rollout", "undo", "deployment", "pay")
        wait_for(lambda: watched.workspace.run("poscloud", "why", "pay").returncode == 0, "pay to be ready")


@pytest.mark.long
def test_why_tells_that_an_image_is_not_there(watched: Watched) -> None:
    """A simulated node pulls nothing: what a kubelet would say is written into the pod's status."""
    (pod,) = running(watched, "pay")
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "r/pay:v7": not found'}
    status = {"name": "pay", "image": "r/pay:v7", "imageID": "", "ready": False, "restartCount": 0,
              "state": {"waiting": waiting}}  # fmt: skip
    conditions = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    patch = json.dumps({"status": {"conditions": conditions, "containerStatuses": [status]}})
    watched.workspace.ok("kubectl", "-n", STACK, "patch", "pod", pod, "--subresource=status", "-p", patch)
    try:
        wait_for(
            lambda: "there is no image r/pay:v7 in the registry" in watched_why(watched, "pay"), "the cause"
        )
        row = watched.data("status", "pay", code=1)["services"][0]
        assert (row["state"], row["ready"]) == ("ImagePullBackOff", 0)
    finally:
        watched.workspace.ok("kubectl", "-n", STACK, "delete", "pod", pod, "--wait")
        wait_for(lambda: watched.workspace.run("poscloud", "why", "pay").returncode == 0, "pay to be ready")


@pytest.mark.long
def test_why_tells_that_the_quota_is_used_up(watched: Watched) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": STACK}}
    watched.apply({**quota, "spec": {"hard": {"pods": "1"}}})
    try:
        used = ("kubectl", "-n", STACK, "get", "quota", "small", "-o", "jsonpath={.status.hard.pods}")
        wait_for(lambda: watched.workspace.ok(*used) == "1", "the quota to count")
        watched.workspace.ok("kubectl", "-n", STACK, "delete", "pod", *running(watched, "pay"), "--wait")
        wait_for(lambda: "the quota is used up" in watched_why(watched, "pay"), "the quota in why")
    finally:
        watched.workspace.ok("kubectl", "-n", STACK, "delete", "quota", "small")
        watched.workspace.ok("kubectl", "-n", STACK, "rollout", "restart", "deployment", "pay")
        wait_for(lambda: watched.workspace.run("poscloud", "why", "pay").returncode == 0, "pay to be ready")


@pytest.mark.long
def test_status_on_a_terminal_is_drawn_anew(watched: Watched) -> None:
    terminal = Terminal(watched.workspace, "status", "pay", "--watch", "-e", STACK)
    try:
        terminal.until(f"{STACK}: 1 of 1 services ready")
        watched.workspace.ok("kubectl", "-n", STACK, "scale", "deployment", "pay", "--replicas", "2")
        terminal.until("2/2")
        assert "\x1b[H" in terminal.until(f"{STACK}: 1 of 1 services ready") or "\x1b[K" in terminal.seen
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
    finally:
        terminal.close()
        watched.workspace.ok("kubectl", "-n", STACK, "scale", "deployment", "pay", "--replicas", "1")


@pytest.mark.long
def test_the_graph_as_a_page_needs_nothing_else(watched: Watched) -> None:
    page = watched.run("graph", "--format", "html").stdout
    assert page.startswith("<!") and all(f">{name}<" in page for name in ("web", "pay", "redis"))
    assert not re.search(r"(src|href)=\"?(https?:)?//", page)
    assert watched.run("graph", "--no-state").stdout != watched.run("graph").stdout


def watched_why(watched: Watched, service: str) -> str:
    return watched.workspace.run("poscloud", "why", service, "-e", STACK).stdout


def running(watched: Watched, service: str) -> list[str]:
    found = watched.workspace.get("pods", "-n", STACK, "-l", f"app={service}")["items"]
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]
