"""An environment that sleeps: no pods, all data; and awake again as it was, with the real engine and API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

ORIGINAL = """\
office_hours: {days: [mon, tue, wed, thu, fri], begin: "08:00", end: "20:00", time_zone: Asia/Shanghai}
backing: {zookeeper: {replicas: 3}, kafka: {replicas: 3, zookeeper: zookeeper}, redis: {}}
services:
  web: {kind: java, uses: [pay], replicas: 2}
  pay: {kind: java, uses: [redis, kafka]}
"""
PODS = {"zookeeper": 3, "kafka": 3, "redis": 1, "web": 2, "pay": 1}

AT = """
import sys
from datetime import datetime
from pathlib import Path
from poscloud.engine.environments.sweep import sweep
from poscloud.local.progress import ConsoleReporter

swept = sweep(Path.cwd(), ConsoleReporter(), yes=True, now=datetime.fromisoformat(sys.argv[1]))
print(swept.upkeep.due, swept.upkeep.changed, swept.upkeep.failed)
"""
MONDAY_MORNING, MONDAY_NIGHT = "2030-01-07T09:00+08:00", "2030-01-07T23:00+08:00"


@pytest.fixture(scope="module")
def rested(workspace: Workspace) -> Iterator[str]:
    """An environment with office hours, and pods."""
    (workspace.root / "stacks" / "rested.yaml").write_text(ORIGINAL)
    workspace.ok("poscloud", "up", "-s", "rested")
    yield "rested"
    workspace.ok("poscloud", "destroy", "-s", "rested")


@pytest.fixture
def awake(workspace: Workspace, rested: str) -> str:
    """The same, awake."""
    workspace.ok("poscloud", "env", "wake", rested)
    return rested


def pods(workspace: Workspace, name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for pod in workspace.get("pods", "-n", name)["items"]:
        done = pod["status"]["phase"] == "Succeeded"  # of the Job that tried the Kafka
        if "deletionTimestamp" not in pod["metadata"] and not done:
            app = pod["metadata"]["labels"]["app"]
            found[app] = found.get(app, 0) + 1
    return found


def listed(workspace: Workspace, name: str) -> dict[str, Any]:
    found = json.loads(workspace.ok("poscloud", "env", "list", "--json"))["environments"]
    return next(environment for environment in found if environment["name"] == name)


def sweep_at(workspace: Workspace, moment: str) -> str:
    return workspace.ok(".venv/bin/python", "-c", AT, moment).splitlines()[-1]


def test_who_sleeps_has_no_pods_and_keeps_all_data(workspace: Workspace, awake: str) -> None:
    claims = {c["metadata"]["uid"] for c in workspace.get("persistentvolumeclaims", "-n", awake)["items"]}
    said = workspace.ok("poscloud", "env", "sleep", awake)
    assert "rested is asleep: 5 workloads without pods, all data kept" in said
    assert pods(workspace, awake) == {}
    assert claims and claims == {
        c["metadata"]["uid"] for c in workspace.get("persistentvolumeclaims", "-n", awake)["items"]
    }
    found = listed(workspace, awake)
    assert (found["health"], found["workloads"]) == ("asleep", 5)


def test_those_that_are_needed_go_last_and_come_first(workspace: Workspace, awake: str) -> None:
    for verb, order in (
        ("sleep", ["web", "pay", "kafka", "zookeeper"]),
        ("wake", ["zookeeper", "kafka", "pay", "web"]),
    ):
        mark = workspace.audit_mark()
        workspace.ok("poscloud", "env", verb, awake)
        written = [w.rpartition("/")[2] for w in workspace.writes_since(mark)]
        assert [name for name in dict.fromkeys(written) if name in order] == order
    assert pods(workspace, awake) == PODS


def test_sleeping_twice_and_waking_twice_change_nothing_more(workspace: Workspace, awake: str) -> None:
    workspace.ok("poscloud", "env", "sleep", awake)
    assert "0 workloads" in workspace.ok("poscloud", "env", "sleep", awake)
    workspace.ok("poscloud", "env", "wake", awake)
    assert "0 workloads" in workspace.ok("poscloud", "env", "wake", awake)
    assert pods(workspace, awake) == PODS


def test_plain_pulumi_writes_nothing_into_one_that_sleeps(workspace: Workspace, awake: str) -> None:
    workspace.ok("poscloud", "env", "sleep", awake)
    file = workspace.root / "stacks" / f"{awake}.yaml"
    file.write_text(ORIGINAL.replace("replicas: 2", "replicas: 4"))
    try:
        done = workspace.run("pulumi", "up", "--yes", "--skip-preview", "-s", awake)
        assert done.returncode != 0
        assert "environment rested sleeps since" in done.stdout + done.stderr
        assert "poscloud up -s rested wakes it first" in done.stdout + done.stderr
    finally:
        file.write_text(ORIGINAL)
    assert pods(workspace, awake) == {}


def test_up_wakes_it_and_changes_what_slept(workspace: Workspace, awake: str) -> None:
    workspace.ok("poscloud", "env", "sleep", awake)
    file = workspace.root / "stacks" / f"{awake}.yaml"
    file.write_text(ORIGINAL.replace("replicas: 2", "replicas: 4"))
    try:
        done = workspace.run("poscloud", "up", "-s", awake)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "rested was asleep, and wakes up" in done.stderr
        assert pods(workspace, awake) == PODS | {"web": 4}
        assert listed(workspace, awake)["health"] == "ready"
    finally:
        file.write_text(ORIGINAL)
        workspace.ok("poscloud", "up", "-s", awake)


def test_a_number_of_pods_can_be_changed_after_a_night(workspace: Workspace, awake: str) -> None:
    workspace.ok("poscloud", "env", "sleep", awake)
    workspace.ok("poscloud", "env", "wake", awake)
    file = workspace.root / "stacks" / f"{awake}.yaml"
    file.write_text(ORIGINAL.replace("replicas: 2", "replicas: 3"))
    try:
        workspace.ok("pulumi", "up", "--yes", "--skip-preview", "-s", awake)
        assert pods(workspace, awake)["web"] == 3
    finally:
        file.write_text(ORIGINAL)
        workspace.ok("poscloud", "up", "-s", awake)


def test_office_hours_put_it_to_sleep_and_wake_it(workspace: Workspace, awake: str) -> None:
    assert sweep_at(workspace, MONDAY_NIGHT) == "{'rested': 'sleep'} ['rested'] {}"
    assert listed(workspace, awake)["asleepBy"] == "office hours"
    assert sweep_at(workspace, MONDAY_NIGHT) == "{} [] {}"
    assert sweep_at(workspace, MONDAY_MORNING) == "{'rested': 'wake'} ['rested'] {}"
    assert pods(workspace, awake) == PODS


def test_office_hours_leave_alone_whom_somebody_put_to_sleep(workspace: Workspace, awake: str) -> None:
    workspace.ok("poscloud", "env", "sleep", awake)
    assert sweep_at(workspace, MONDAY_MORNING) == "{} [] {}"


def test_a_sleep_that_was_killed_is_finished_by_the_next_sweep(workspace: Workspace, awake: str) -> None:
    said = ("poscloud.io/asleep=2030-01-07T20:00:00Z", "poscloud.io/asleep-by=office hours")
    workspace.ok("kubectl", "annotate", "namespace", awake, *said, "poscloud.io/awake-until-")
    assert sweep_at(workspace, MONDAY_NIGHT) == "{'rested': 'sleep'} ['rested'] {}"
    assert pods(workspace, awake) == {}


def test_a_number_that_was_recorded_is_the_same_in_the_morning(workspace: Workspace, awake: str) -> None:
    workspace.ok("poscloud", "scale", "web", "3", "-s", awake, "--for", "8h", "--reason", "load test")
    workspace.ok("poscloud", "env", "sleep", awake)
    workspace.ok("poscloud", "env", "wake", awake)
    assert pods(workspace, awake)["web"] == 3
    fields = workspace.get("deployment", "web", "-n", awake, "--show-managed-fields")["metadata"][
        "managedFields"
    ]
    owners = {e["manager"] for e in fields if "f:replicas" in e["fieldsV1"].get("f:spec", {})}
    assert owners == {"poscloud-manual"}
    workspace.ok("poscloud", "scale", "web", "2", "-s", awake, "--reason", "over")


def test_what_is_not_there_cannot_sleep(workspace: Workspace, rested: str) -> None:
    done = workspace.run("poscloud", "env", "sleep", "nobody")
    assert done.returncode == 4
    assert "there is no environment nobody" in done.stderr
    done = workspace.run("poscloud", "env", "wake", rested, "--for", "later")
    assert (done.returncode, "'later' is no duration" in done.stderr) == (1, True)
