"""A build's leftovers cleared over the real API server, and the restart; simulated containers run commands here."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.long]

STACK = "built"


@pytest.fixture(scope="module", autouse=True)
def built(workspace: Workspace) -> Iterator[None]:
    workspace.control_plane.up(runs_commands=True)
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text("pull_secret: null\nservices: {api: java}\n")
    workspace.ok("poscloud", "up", "-s", STACK)
    yield
    workspace.ok("poscloud", "destroy", "-s", STACK)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user of simulated containers may change, with a build that was cut short."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="poscloud-build-") as name:
        found = Path(name)
        found.chmod(0o777)
        (found / "gradlew").write_text("[ ! -e broken ] || { echo no JDK; exit 7; }; rm half.class\n")
        (found / "half.class").write_text("")
        yield found


def clean(workspace: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    return workspace.run("poscloud", "clean", "api", "-s", STACK, *words)


def pods(workspace: Workspace) -> set[str]:
    found = workspace.get("pods", "-n", STACK, "-l", "app=api")["items"]
    return {p["metadata"]["uid"] for p in found if "deletionTimestamp" not in p["metadata"]}


def test_the_build_is_cleared_then_the_pods_are_made_anew_and_it_is_recorded(
    workspace: Workspace, folder: Path
) -> None:
    before = pods(workspace)
    done = clean(workspace, "--in", str(folder), "--reason", "the build broke")
    assert done.returncode == 0, done.stderr
    assert not (folder / "half.class").exists()
    assert "Deployment api: cleaned by " in done.stdout
    assert done.stdout.rstrip().endswith(": the build broke")
    assert not before & pods(workspace)
    drift = workspace.run("poscloud", "drift", "-s", STACK, "--json")
    (entry,) = json.loads(drift.stdout)["recorded"]
    assert (drift.returncode, entry["action"], entry["why"]) == (0, "clean", "the build broke")


def test_without_a_build_the_restart_is_all(workspace: Workspace) -> None:
    before = pods(workspace)
    done = clean(workspace)
    assert (done.returncode, "no gradlew in ., /home/deploy, /home/deploy/api" in done.stderr) == (0, True)
    assert not before & pods(workspace)


def test_what_cannot_be_cleared_is_not_restarted(workspace: Workspace, folder: Path) -> None:
    (folder / "broken").write_text("")
    before = pods(workspace)
    done = clean(workspace, "--in", str(folder))
    assert done.returncode == 4
    assert "clearing the build of api failed with 7; nothing was restarted" in done.stderr
    assert "no JDK" in done.stderr
    assert pods(workspace) == before
