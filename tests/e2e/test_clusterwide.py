"""What an environment makes outside its namespace, and what an autoscaler changes, by the real engine.

The tests of this module build on each other, in the order they stand.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

ONE, TWO, FOREIGN = "wide-one", "wide-two", "wide-three"
DESCRIPTION = """\
pull_secret: null
priority_classes: {high: {value: VALUE}}
storage_classes: {ceph-db: {ceph_rbd: {cluster_id: CEPH}}}
priority: high
services:
  a: {kind: java, SCALE, anti_affinity: none, probes: {initial_delay: 0}, resources: {requests: {cpu: 10m}}}
"""


def describe(
    workspace: Workspace, stack: str, *, value: int = 1000, scale: str = "replicas: 2", ceph: str = "c"
) -> None:
    text = DESCRIPTION.replace("VALUE", str(value)).replace("SCALE", scale).replace("CEPH", ceph)
    (workspace.root / "stacks" / f"{stack}.yaml").write_text(text)


def classes(workspace: Workspace) -> set[str]:
    items = workspace.get("priorityclasses,storageclasses")["items"]
    return {i["metadata"]["name"] for i in items if i["metadata"]["name"].startswith("wide-")}


def replicas(workspace: Workspace) -> int:
    return int(workspace.get("deployment", "a", "-n", ONE)["spec"]["replicas"])


def wait_for_replicas(workspace: Workspace, wanted: int) -> None:
    deadline = time.monotonic() + 90
    while replicas(workspace) != wanted:
        assert time.monotonic() < deadline, f"{replicas(workspace)} replicas"


@pytest.fixture(scope="module", autouse=True)
def deployed(workspace: Workspace) -> Iterator[None]:
    for stack in (ONE, TWO):
        describe(workspace, stack, value=1000 if stack == ONE else 2000)
        workspace.ok("poscloud", "up", "-s", stack)
    yield
    for stack in (ONE, TWO):
        workspace.run("poscloud", "destroy", "-s", stack)


def test_two_environments_have_classes_of_their_own(workspace: Workspace) -> None:
    assert classes(workspace) == {f"{s}.{name}" for s in (ONE, TWO) for name in ("high", "ceph-db")}
    for stack, value in ((ONE, 1000), (TWO, 2000)):
        pods = workspace.get("pods", "-n", stack)["items"]
        assert [p["spec"]["priority"] for p in pods] == [value, value]
        workspace.ok("pulumi", "preview", "--expect-no-changes", "-s", stack)


def test_a_class_of_somebody_else_is_not_taken_over(workspace: Workspace) -> None:
    workspace.ok("kubectl", "create", "priorityclass", f"{FOREIGN}.high", "--value=7")
    describe(workspace, FOREIGN)
    try:
        up = workspace.run("poscloud", "up", "-s", FOREIGN)
        assert up.returncode != 0
        assert f"PriorityClass {FOREIGN}.high exists already" in up.stdout + up.stderr
        assert workspace.get("priorityclass", f"{FOREIGN}.high")["value"] == 7
    finally:
        workspace.run("poscloud", "destroy", "-s", FOREIGN)
        left: subprocess.CompletedProcess[str] = workspace.run(
            "kubectl", "delete", "priorityclass", f"{FOREIGN}.high"
        )
    assert left.returncode == 0, "destroying took what was not ours"


def test_changed_parameters_replace_the_class_and_nothing_else(workspace: Workspace) -> None:
    before = workspace.get("namespace", TWO)["metadata"]["uid"]
    describe(workspace, TWO, value=2000, ceph="d")
    workspace.ok("poscloud", "up", "-s", TWO)
    assert workspace.get("storageclass", f"{TWO}.ceph-db")["parameters"]["clusterID"] == "d"
    assert workspace.get("namespace", TWO)["metadata"]["uid"] == before


def test_up_leaves_the_autoscalers_number_alone(workspace: Workspace) -> None:
    describe(workspace, ONE, scale="autoscale: {min: 2, max: 4}")
    workspace.ok("poscloud", "up", "-s", ONE)
    wait_for_replicas(workspace, 2)  # the autoscaler lifts it to its minimum
    workspace.ok("kubectl", "scale", "deployment", "a", "--replicas=3", "-n", ONE)
    describe(workspace, ONE, scale="autoscale: {min: 2, max: 4}, version: v2")
    workspace.ok("poscloud", "up", "-s", ONE)
    assert replicas(workspace) == 3


def test_destroying_one_environment_removes_its_classes_and_leaves_the_others(workspace: Workspace) -> None:
    workspace.ok("poscloud", "destroy", "-s", ONE)
    assert classes(workspace) == {f"{TWO}.high", f"{TWO}.ceph-db"}
