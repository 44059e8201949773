"""Copies that wait for room, each a process of its own, with the real engine and API server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

ORIGINAL = "pull_secret: null\ncopies: {at_once: 1, at_once_per_team: 9}\nservices: {pay: java}\n"
CREATE = "poscloud env create {} --from yard --team payments".format
# The command line, but for how long a sign of life counts.
HASTY = """
import sys
from datetime import timedelta
from poscloud.engine.environments import queue, turn
queue.ALIVE, turn.SIGN_SECONDS, turn.LOOK_SECONDS = timedelta(seconds=8), 1.0, 0.5
from poscloud.cli.app import main
main()
"""
# The same, killed when its copy was just let in.
KILLED = """
import os
from poscloud.cli.app import main
from poscloud.engine import deploy
deploy.up = lambda *_, **__: os.kill(os.getpid(), 9)
main()
"""
PATIENCE = 120.0


@pytest.fixture(scope="module")
def yard(workspace: Workspace) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """An environment with room for one copy, which is there; and three that were started together and wait."""
    (workspace.root / "stacks" / "yard.yaml").write_text(ORIGINAL)
    workspace.ok(*CREATE("holder").split())
    waiting = {name: start(workspace, name) for name in ("red", "green", "blue")}
    until(lambda: sum(e["place"] is not None for e in listed(workspace).values()) == 3)
    yield waiting
    for process in waiting.values():
        process.kill()
        process.wait()
    for name in ("holder", *waiting):
        workspace.run("poscloud", "env", "destroy", name, "--yes")


def start(workspace: Workspace, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HASTY, *CREATE(name).split()[1:], "--wait", "30m"]
    return subprocess.Popen(
        command, cwd=workspace.root, env=workspace.environment(), stderr=subprocess.PIPE, text=True
    )


def hasty(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    return workspace.run(sys.executable, "-c", HASTY, *arguments)


def listed(workspace: Workspace) -> dict[str, dict[str, Any]]:
    done = hasty(workspace, "env", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {e["name"]: e for e in json.loads(done.stdout)["environments"] if e["copyOf"] == "yard"}


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_queue(workspace: Workspace, yard: dict[str, subprocess.Popen[str]]) -> None:
    """One story: who waits is listed; one dies, one gives up, and the last one has the room when there is some."""
    found = listed(workspace)
    order = sorted(yard, key=lambda name: (found[name]["made"], name))
    assert [found[name]["health"] for name in order] == ["waiting (1st)", "waiting (2nd)", "waiting (3rd)"]
    assert found["holder"]["team"] == "payments"
    dead, tired, last = order

    yard[dead].kill()
    yard[tired].send_signal(signal.SIGTERM)
    assert yard[tired].wait(PATIENCE) == 130
    assert not (workspace.root / "stacks" / f"{tired}.yaml").exists()
    assert tired not in workspace.ok("pulumi", "stack", "ls")
    until(lambda: tired not in listed(workspace))
    until(lambda: listed(workspace)[dead]["health"] == "gone while it waited")
    until(lambda: listed(workspace)[last]["health"] == "waiting (1st)")

    refused = hasty(workspace, *CREATE("other").split()[1:])
    assert refused.returncode == 1
    assert "there is 1 copy of yard and 1 that waits, and there may be 1 at a time" in refused.stderr

    workspace.ok("poscloud", "env", "destroy", "holder", "--yes")
    stderr = yard[last].communicate(timeout=PATIENCE)[1]
    assert yard[last].returncode == 0, stderr
    said = workspace.get("namespace", last)["metadata"]["annotations"]
    assert not {"poscloud.io/waiting", "poscloud.io/waits-for", "poscloud.io/let-in"} & said.keys()
    assert listed(workspace)[last]["health"] == "ready"

    swept = hasty(workspace, "env", "sweep", "--yes")
    assert swept.returncode == 0, swept.stderr
    assert swept.stdout.startswith(f"removed  {dead}  (who waited for room with it is gone, since")
    assert not (workspace.root / "stacks" / f"{dead}.yaml").exists()
    assert dead not in workspace.ok("pulumi", "stack", "ls")
    workspace.ok("poscloud", "env", "destroy", last, "--yes")


def test_who_says_no_team_is_told_how(workspace: Workspace, yard: dict[str, subprocess.Popen[str]]) -> None:
    done = workspace.run(*"poscloud env create other --from yard".split())
    assert done.returncode == 1
    assert "yard limits the copies of each team" in done.stderr and "--team NAME" in done.stderr
    assert not (workspace.root / "stacks" / "other.yaml").exists()


def test_a_copy_that_was_let_in_and_never_made_is_destroyed_as_any_other(
    workspace: Workspace, yard: dict[str, subprocess.Popen[str]]
) -> None:
    killed = workspace.run(sys.executable, "-c", KILLED, *CREATE("brief").split()[1:])
    assert killed.returncode == -signal.SIGKILL
    said = workspace.get("namespace", "brief")["metadata"]["annotations"]
    assert "poscloud.io/let-in" in said and "poscloud.io/waiting" not in said
    done = workspace.run("poscloud", "env", "destroy", "brief", "--yes")
    assert done.returncode == 0, done.stderr
    until(lambda: "brief" not in listed(workspace))


@pytest.mark.long
def test_a_copy_whose_namespace_was_deleted_is_not_made_over_its_state(
    workspace: Workspace, yard: dict[str, subprocess.Popen[str]]
) -> None:
    workspace.ok(*CREATE("lost").split())
    workspace.ok("kubectl", "delete", "namespace", "lost")
    done = workspace.run(*CREATE("lost").split())
    assert done.returncode == 4
    assert "namespace lost was deleted, and the state of stack lost still has" in done.stderr
    assert "poscloud env destroy lost" in done.stderr
    assert "lost" not in listed(workspace)
    workspace.ok("poscloud", "env", "destroy", "lost", "--yes")
    assert "lost" not in workspace.ok("pulumi", "stack", "ls")


@pytest.mark.long
def test_a_copy_that_is_there_is_archived_whatever_its_annotation_says(
    workspace: Workspace, yard: dict[str, subprocess.Popen[str]]
) -> None:
    workspace.ok(*CREATE("kept").split())
    workspace.ok("kubectl", "annotate", "namespace", "kept", "poscloud.io/let-in=2026-11-22T08:00:00Z")
    done = workspace.run("poscloud", "env", "destroy", "kept", "--yes")
    assert done.returncode == 0, done.stderr
    assert "nothing of it was made" not in done.stderr
    assert "nothing is left of kept" in done.stderr
