"""The fence by the real engine: in plain ``pulumi`` nothing is written where the namespace is another's.

The tests of this module build on each other, in the order they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "fenced"
DESCRIPTION = """\
pull_secret: null
limits: null
priority_classes: {high: {value: VALUE}}
services:
"""
SERVICE = "  NAME: {kind: java, version: VERSION, anti_affinity: none, probes: {initial_delay: 0}, "
SERVICE += "resources: {requests: {cpu: 10m}}}\n"
PLAIN = ("--yes", "--skip-preview", "-s", STACK)


def describe(workspace: Workspace, *services: str, version: str = "v1", value: int = 1000) -> None:
    lines = [SERVICE.replace("NAME", name).replace("VERSION", version) for name in services]
    text = DESCRIPTION.replace("VALUE", str(value)) + "".join(lines)
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(text)


def stamp(workspace: Workspace, stack: str) -> None:
    workspace.ok("kubectl", "annotate", "--overwrite", "namespace", STACK, f"poscloud.io/stack={stack}")


def questions(workspace: Workspace, mark: int) -> list[str]:
    """Return how the namespace was asked for since ``mark``."""
    return [
        e["verb"]
        for e in workspace.requests_since(mark)
        if e["requestURI"].partition("?")[0] == f"/api/v1/namespaces/{STACK}"
    ]


def resources(workspace: Workspace) -> list[str]:
    """Return the URNs in the state."""
    exported = json.loads(workspace.ok("pulumi", "stack", "export", "-s", STACK))
    return sorted(r["urn"] for r in exported["deployment"]["resources"])


@pytest.fixture(scope="module", autouse=True)
def deployed(workspace: Workspace) -> Iterator[None]:
    describe(workspace, "a", "b")
    workspace.ok("pulumi", "stack", "init", STACK)
    workspace.ok("pulumi", "up", *PLAIN)
    yield
    workspace.run("poscloud", "destroy", "-s", STACK)


def test_plain_up_stamps_the_namespace_with_project_stack_and_cluster(workspace: Workspace) -> None:
    annotations = workspace.get("namespace", STACK)["metadata"]["annotations"]
    assert annotations["poscloud.io/stack"] == f"poscloud/{STACK}"
    assert annotations["poscloud.io/cluster"] == workspace.get("namespace", "kube-system")["metadata"]["uid"]
    assert "poscloud.io/adopt" not in annotations


def test_the_fence_costs_one_request_a_run_and_none_where_nothing_changes(workspace: Workspace) -> None:
    for command, changed, cost in (
        (("preview", "-s", STACK), False, []),
        (("up", *PLAIN), False, []),
        (("preview", "-s", STACK), True, ["get"]),
        (("up", *PLAIN), True, ["get"]),
    ):
        describe(workspace, "a", "b", version="v2" if changed else "v1")
        mark = workspace.audit_mark()
        workspace.ok("pulumi", *command)
        assert questions(workspace, mark) == cost, command


CHANGES = {
    "a changed service": {"services": ("a", "b"), "version": "v3"},
    "a service less": {"services": ("a",), "version": "v2"},
    "a service more": {"services": ("a", "b", "c"), "version": "v2"},
    "a changed class": {"services": ("a", "b"), "version": "v2", "value": 2000},
}


@pytest.fixture
def restamped(workspace: Workspace) -> Iterator[Workspace]:
    stamp(workspace, f"billing/{STACK}")
    yield workspace
    stamp(workspace, f"poscloud/{STACK}")
    describe(workspace, "a", "b", version="v2")


@pytest.mark.parametrize("change", CHANGES)
def test_up_writes_nothing_for(restamped: Workspace, change: str) -> None:
    wanted = dict(CHANGES[change])
    describe(restamped, *wanted.pop("services"), **wanted)  # type: ignore[misc, arg-type]
    mark = restamped.audit_mark()
    done = restamped.run("pulumi", "up", *PLAIN)
    assert done.returncode != 0, done.stdout
    assert f"belongs to stack billing/{STACK}" in done.stdout
    assert f"this stack is poscloud/{STACK}, and nothing was written" in done.stdout
    assert restamped.writes_since(mark) == []


def test_the_preview_refuses_what_up_refuses(restamped: Workspace) -> None:
    describe(restamped, "a", "b", version="v3")
    done = restamped.run("pulumi", "preview", "-s", STACK)
    assert done.returncode != 0
    assert f"belongs to stack billing/{STACK}" in done.stdout


def test_destroy_deletes_nothing(restamped: Workspace) -> None:
    before = resources(restamped)
    [child] = [urn for urn in before if urn.endswith("Deployment::a")]
    mark = restamped.audit_mark()
    child_alone = restamped.run("pulumi", "destroy", *PLAIN, "--target", child)
    assert child_alone.returncode != 0
    assert f"belongs to stack billing/{STACK}" in child_alone.stdout
    wrapped = restamped.run("poscloud", "destroy", "-s", STACK)
    assert wrapped.returncode == 4
    assert f"says now that it belongs to stack billing/{STACK}" in wrapped.stderr
    assert resources(restamped) == before, "the state is as it was"
    plain = restamped.run("pulumi", "destroy", *PLAIN)
    assert plain.returncode != 0
    assert f"belongs to stack billing/{STACK}" in plain.stdout
    assert restamped.writes_since(mark) == []


def test_after_a_refused_destroy_up_finds_everything_again(workspace: Workspace) -> None:
    uids = [workspace.get("deployment", name, "-n", STACK)["metadata"]["uid"] for name in ("a", "b")]
    workspace.ok("pulumi", "up", *PLAIN)
    assert [workspace.get("deployment", n, "-n", STACK)["metadata"]["uid"] for n in ("a", "b")] == uids
    workspace.ok("pulumi", "preview", "--expect-no-changes", "-s", STACK)


def test_another_namespace_of_the_same_name_outlives_destroy(workspace: Workspace) -> None:
    workspace.ok("kubectl", "delete", "namespace", STACK)
    workspace.ok("kubectl", "create", "namespace", STACK)
    stamp(workspace, f"billing/{STACK}")
    workspace.ok("kubectl", "create", "configmap", "theirs", "-n", STACK)
    mark = workspace.audit_mark()
    done = workspace.run("poscloud", "destroy", "-s", STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"namespace {STACK} is not this stack's, and was left alone" in done.stderr
    assert workspace.writes_since(mark) == [f"delete priorityclasses/{STACK}.high"]
    workspace.ok("kubectl", "get", "configmap", "theirs", "-n", STACK)

    again = workspace.run("poscloud", "up", "-s", STACK)
    assert again.returncode != 0
    assert f"belongs to stack billing/{STACK}" in again.stdout
    assert workspace.writes_since(mark) == [f"delete priorityclasses/{STACK}.high"], "not even the class"
    workspace.ok("kubectl", "delete", "namespace", STACK)
