"""Whatever step of a copy's life is killed: one sweep removes what is left, and a second one has nothing to do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.faults.processes import descendants, kill
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

ORIGINAL = "services: {web: {kind: java, uses: [redis]}}\nbacking: {redis: {}}\n"

TOMORROW = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poscloud.engine.environments.sweep import sweep
from poscloud.local.progress import ConsoleReporter

swept = sweep(Path.cwd(), ConsoleReporter(), yes=True, now=datetime.now(UTC) + timedelta(days=1))
print(sorted(swept.over), swept.removed, swept.failed)
"""

Condition = Callable[[Workspace, str], bool]


@pytest.fixture(scope="module")
def original(workspace: Workspace) -> Iterator[str]:
    """A description that is copied; it is never up itself."""
    file = workspace.root / "stacks" / "shop2.yaml"
    file.write_text(ORIGINAL)
    yield "shop2"
    file.unlink()


def live(workspace: Workspace, *arguments: str) -> str:
    return workspace.ok("kubectl", "get", *arguments, "--ignore-not-found", "-o", "name").strip()


def state(workspace: Workspace, name: str) -> bool:
    return any(workspace.paths.state.rglob(f"stacks/*/{name}.json"))


def is_deleted(workspace: Workspace, name: str) -> bool:
    path = "jsonpath={.metadata.deletionTimestamp}"
    return bool(
        workspace.ok("kubectl", "get", "namespace", name, "--ignore-not-found", "-o", path)
    ) or not live(workspace, "namespace", name)


def kill_when(workspace: Workspace, condition: Condition, name: str, *command: str) -> None:
    """Run a command, and kill it with all that it started as soon as a condition holds."""
    process = subprocess.Popen(
        command,
        cwd=workspace.root,
        env=workspace.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not condition(workspace, name):
            assert process.poll() is None, f"over before it could be killed: {' '.join(command)}"
    finally:
        for pid in descendants(process.pid):
            kill(pid)
        process.wait()


def sweep(workspace: Workspace) -> str:
    return workspace.ok(".venv/bin/python", "-c", TOMORROW).splitlines()[-1]


def nothing_is_left(workspace: Workspace, name: str) -> bool:
    stacks = workspace.ok("pulumi", "stack", "ls", "--json")
    files = [*workspace.root.glob(f"Pulumi.{name}.yaml"), *workspace.root.glob(f"stacks/{name}.yaml")]
    volumes = [
        volume
        for volume in workspace.get("persistentvolumes")["items"]
        if volume["spec"].get("claimRef", {}).get("namespace") == name
    ]
    return not (live(workspace, "namespace", name) or f'"{name}"' in stacks or files or volumes)


def share(steps: Iterable[str], always: str = "") -> list[Any]:
    """Return the steps, all but at most one for `make test-environments` alone."""
    return [pytest.param(step, marks=() if step == always else pytest.mark.long) for step in steps]


CREATE: dict[str, Condition] = {
    "stack": state,
    "namespace": lambda w, name: bool(live(w, "namespace", name)),
    "first": lambda w, name: bool(live(w, "statefulsets", "-n", name)),
    "last": lambda w, name: bool(live(w, "deployments", "-n", name)),
}


@pytest.mark.parametrize("step", share(CREATE))
def test_a_create_that_was_killed(workspace: Workspace, original: str, step: str) -> None:
    name = f"made-{step}"
    kill_when(workspace, CREATE[step], name, "poscloud", "env", "create", name, "--from", original)
    assert sweep(workspace) == f"['{name}'] ['{name}'] {{}}"
    assert nothing_is_left(workspace, name)
    assert sweep(workspace) == "[] [] {}"


DESTROY: dict[str, Condition] = {
    "archived": lambda w, name: any(w.paths.archive.glob(f"**/*{name}*")),
    "deleting": is_deleted,
    "gone": lambda w, name: not live(w, "namespace", name),
}


@pytest.mark.parametrize("step", share(DESTROY, "deleting"))
def test_a_destroy_that_was_killed(workspace: Workspace, original: str, step: str) -> None:
    name = f"unmade-{step}"
    workspace.ok("poscloud", "env", "create", name, "--from", original)
    kill_when(workspace, DESTROY[step], name, "poscloud", "env", "destroy", name, "--yes")
    assert sweep(workspace) == f"['{name}'] ['{name}'] {{}}"
    assert nothing_is_left(workspace, name)
    assert sweep(workspace) == "[] [] {}"
