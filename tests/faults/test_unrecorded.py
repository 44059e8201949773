"""The engine is killed in a run that keeps no record: what the next one finds by itself, and what is swept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.killpoints import Lane, Operation, When
from tests.faults.proxy import PASS, Request
from tests.workspace import Workspace

pytestmark = [pytest.mark.faults, pytest.mark.long]

A = "  a: {kind: java, uses: [redis]}\n"
B = "  b: {kind: java, priority: high}\n"
SMALL = """\
short_lived: true
pull_secret: null
priority_classes: {high: {value: 1000}}
backing: {redis: {}}
services:
"""
WHOLE = SMALL + A + B
WITHOUT_B = SMALL + A
CHANGED = SMALL + A.replace("}", ", env: {ROUND: '1'}}") + B
REPLACED = WHOLE.replace("1000", "2000")
RECORDED = WHOLE.replace("short_lived: true\n", "")


def write(method: str, path: str) -> When:
    """The first write of this method whose path ends so."""
    return lambda _, r: bool(r.write) and r.method == method and r.path.partition("?")[0].endswith(path)


@dataclass(frozen=True)
class Case:
    """A run that is killed, and the description of the next one.

    Attributes:
        name: What happens.
        first: What is there before; empty for nothing.
        killed: The description of the run that is killed.
        when: The request at which its engine dies.
        next: The description of the next ``up``.
        operation: What is killed.
        gone: Whether the next run begins only when the namespace is gone.
    """

    name: str
    first: str
    killed: str
    when: When
    next: str
    operation: Operation = "update"
    gone: bool = False


CASES = [
    Case("an object was deleted, and is described again", WHOLE, WITHOUT_B, write("DELETE", "/deployments/b"), WHOLE),
    Case("a value was changed, and is described as before", WHOLE, CHANGED, write("PATCH", "/deployments/a"), WHOLE),
    Case("the old of a replacement was deleted", WHOLE, REPLACED, write("DELETE", ".high"), REPLACED),
    Case("the old of a replacement was deleted, and is described", WHOLE, REPLACED, write("DELETE", ".high"), WHOLE),
    Case("the new of a replacement was made, the old described", WHOLE, REPLACED, write("POST", "classes"), WHOLE),
    Case("destroyed, terminating", WHOLE, WHOLE, write("DELETE", "/namespaces/{}"), WHOLE, "destroy"),
    Case("destroyed, gone", WHOLE, WHOLE, write("DELETE", "/namespaces/{}"), WHOLE, "destroy", gone=True),
    Case("recorded from now on", "", WHOLE, write("POST", "/deployments"), RECORDED, "up"),
    Case("recorded until now", "", RECORDED, write("POST", "/deployments"), WHOLE, "up"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lanes(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    with Lane(workspace, tmp_path_factory.mktemp("unrecorded"), "unrec", "short-lived") as found:
        yield found


_count = iter(range(1, 1000))


@pytest.fixture
def lane(lanes: Lane) -> Iterator[Lane]:
    lanes.open(next(_count))
    yield lanes
    lanes.forget()


def kill_engine(lane: Lane, operation: Operation, when: When) -> None:
    """Run an operation until its engine is killed; the provider is gone then, too."""
    shot, text = lane.shoot(operation, "engine", lambda n, r: when(n, fill(r, lane.stack)))
    assert shot.killed, text
    lane.proxy.fault = lambda _: PASS
    assert lane.afterlife(shot) == []


def fill(request: Request, stack: str) -> Request:
    """Return the request with ``{}`` in its path for the stack's own name at the end."""
    path = request.path.partition("?")[0]
    ending = f"/namespaces/{stack}"
    changed = f"{path.removesuffix(ending)}/namespaces/{{}}" if path.endswith(ending) else path
    return Request(request.number, request.write, request.method, changed, request.agent)


def up(lane: Lane) -> str:
    done = lane.run("poscloud", "up", "--yes")
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


def wait_until_gone(lane: Lane) -> None:
    done = lane.run(
        "kubectl", "wait", "--for=delete", f"namespace/{lane.stack}", "--timeout=60s", stack=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_next_up_finds_what_the_state_does_not_tell(lane: Lane, case: Case) -> None:
    if case.first:
        lane.write(case.first)
        up(lane)
    lane.write(case.killed)
    kill_engine(lane, case.operation, case.when)
    if case.gone:
        wait_until_gone(lane)
    lane.write(case.next)
    up(lane)
    assert lane.wrong() == []
    quiet = lane.run("pulumi", "preview", "--expect-no-changes")
    assert quiet.returncode == 0, quiet.stdout


def make(lane: Lane, path: str, body: dict[str, object]) -> None:
    status, answer = lane.api.request("POST", path, body)
    assert status == 201, answer


def test_leftovers_are_told_and_swept_and_nothing_else_is(lane: Lane) -> None:
    lane.write(WHOLE)
    kill_engine(lane, "up", write("POST", "/deployments"))
    space = f"/api/v1/namespaces/{lane.stack}"
    meta = {"name": "foreign", "annotations": {"poscloud.io/stack": "poscloud/another"}}
    make(lane, f"{space}/configmaps", {"metadata": meta})
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    make(
        lane,
        f"{space}/persistentvolumeclaims",
        {"metadata": {"name": "data-old-0", "labels": {"app": "old"}}, "spec": claim},
    )
    lane.write(WITHOUT_B.replace("priority_classes: {high: {value: 1000}}\n", ""))
    told = up(lane)
    assert f"in no state: poscloud sweep -s {lane.stack}" in told

    listed = lane.run("poscloud", "sweep")
    assert listed.returncode == 1, listed.stdout
    expected = (
        f"left  Service {lane.stack}/b",
        f"left  PriorityClass {lane.stack}.high",
        "kept  PersistentVolumeClaim",
    )
    assert [phrase for phrase in expected if phrase not in listed.stdout] == [], listed.stdout
    assert "foreign" not in listed.stdout
    assert [w for w in lane.wrong() if "too much" in w]

    swept = lane.run("poscloud", "sweep", "--yes")
    assert swept.returncode == 0, swept.stdout
    assert lane.wrong() == []
    for kept in ("configmaps/foreign", "persistentvolumeclaims/data-old-0"):
        assert lane.api.request("GET", f"{space}/{kept}")[0] == 200
    assert lane.run("poscloud", "sweep", "--yes", "--data").returncode == 0
    status, body = lane.api.request("GET", f"{space}/persistentvolumeclaims/data-old-0")
    assert status == 404 or json.loads(body)["metadata"].get("deletionTimestamp")


def test_after_a_cancel_plain_pulumi_warns_and_a_refresh_mends(lane: Lane) -> None:
    lane.write(WHOLE)
    up(lane)
    lane.write(CHANGED)
    kill_engine(lane, "update", write("PATCH", "/deployments/a"))
    assert lane.run("pulumi", "cancel", "--yes").returncode == 0
    lane.write(WHOLE)
    warned = lane.run("pulumi", "preview")
    assert "was killed or did not end well, and the state may not tell what it did" in warned.stdout
    mended = lane.run("pulumi", "up", "--yes", "--skip-preview", "--refresh")
    assert mended.returncode == 0, mended.stdout
    assert lane.wrong() == []


def test_a_run_without_checkpoints_is_refused_where_it_is_not_meant_to_be(lane: Lane) -> None:
    lane.write(RECORDED)
    variable = {"PULUMI_SKIP_CHECKPOINTS": "true"}
    before = lane.proxy.writes()
    refused = lane.run("pulumi", "up", "--yes", "--skip-preview", variables=variable)
    assert refused.returncode != 0
    assert f"{lane.stack} is not `short_lived`" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert lane.proxy.writes() == before
    taken_out = lane.run("poscloud", "up", "--yes", variables=variable)
    assert taken_out.returncode == 0, taken_out.stdout
