"""What people look at every day, from the command line over the real wire."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
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
