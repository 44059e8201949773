"""A run that is killed is mended by running it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from poscloud.load import load_environment
from poscloud.local.environment import full_environment
from poscloud.render import render_environment
from tests.e2e.manifests import as_stored, differences
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "dev"


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.02)


def engine_pid(workspace: Workspace) -> int:
    """Return the pid in the lock of the running update."""
    found: list[Path] = []

    def locked() -> bool:
        found[:] = workspace.paths.state.glob(f".pulumi/locks/organization/poscloud/{STACK}/*.json")
        return bool(found) and bool(found[0].read_text().strip())

    wait_until(locked)
    return int(json.loads(found[0].read_text())["pid"])


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def provider_pids(workspace: Workspace) -> list[int]:
    marker = str(workspace.paths.pulumi_home)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                marker in (folder / "cmdline").read_text()
                and "resource-kubernetes" in (folder / "cmdline").read_text()
            ):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.fixture(autouse=True)
def removed(workspace: Workspace) -> Iterator[None]:
    description = workspace.root / "stacks" / f"{STACK}.yaml"
    text = description.read_text()
    yield
    description.write_text(text)
    workspace.run("poscloud", "destroy", "-s", STACK)


@pytest.mark.parametrize(
    ("writes", "short_lived"),
    [
        pytest.param(1, False, id="after the first object", marks=pytest.mark.long),
        pytest.param(12, False, id="in the middle"),
        pytest.param(12, True, id="in the middle, no record kept", marks=pytest.mark.long),
    ],
)
def test_up_killed_and_run_again_converges(workspace: Workspace, writes: int, short_lived: bool) -> None:
    variables = {}
    if short_lived:
        variables["PULUMI_SKIP_CHECKPOINTS"] = "true"
        description = workspace.root / "stacks" / f"{STACK}.yaml"
        description.write_text(f"short_lived: true\n{description.read_text()}")
    mark = workspace.audit_mark()
    workspace.run("pulumi", "stack", "init", STACK)
    process = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "-s", STACK],
        cwd=workspace.root,
        env=full_environment(workspace.paths) | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pid = engine_pid(workspace)
    wait_until(lambda: len(workspace.writes_since(mark)) >= writes)
    os.kill(pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not provider_pids(workspace), seconds=30)

    again = workspace.run("poscloud", "up", "-s", STACK)
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"pid {pid}" in again.stderr
    assert "its lock is released" in again.stderr

    wrong: list[str] = []
    for part in render_environment(load_environment(workspace.root, STACK)):
        for manifest in part.manifests:
            live = workspace.get(manifest["kind"], manifest["metadata"]["name"], "-n", STACK)
            wrong += [
                f"{manifest['kind']}/{live['metadata']['name']}{d}"
                for d in differences(as_stored(manifest), live)
            ]
    assert not wrong, "\n".join(wrong)
    exported = json.loads(workspace.ok("pulumi", "stack", "export", "-s", STACK))["deployment"]
    assert not exported.get("pending_operations")
    workspace.ok("pulumi", "preview", "--expect-no-changes", "-s", STACK)
