"""A stack that goes to an existing cluster by its kubeconfig context, and to no other one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "office"
ANOTHER = "00000000-0000-0000-0000-000000000000"


class Office:
    """A stack whose context leads, under another name, to the running cluster.

    Args:
        workspace: Has the cluster.
        file: The user's own kubeconfig.
    """

    def __init__(self, workspace: Workspace, file: Path) -> None:
        self.workspace = workspace
        self.settings = workspace.root / f"Pulumi.{STACK}.yaml"
        self.description = workspace.root / "stacks" / f"{STACK}.yaml"
        config = json.loads(workspace.paths.kubeconfig.read_text())
        config["contexts"][0]["name"] = config["current-context"] = "office"
        file.write_text(json.dumps(config))
        self.file = file
        self.settings.write_text("config:\n  poscloud:context: office\n")
        self.describe("3.2.12")

    def describe(self, redis: str) -> None:
        self.description.write_text(f'pull_secret: null\nbacking: {{redis: {{version: "{redis}"}}}}\n')

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self.workspace.run(*command, "-s", STACK, POSCLOUD_USER_KUBECONFIG=str(self.file))

    @property
    def pin(self) -> str:
        return str(yaml.safe_load(self.settings.read_text())["config"].get("poscloud:cluster", ""))

    def set_pin(self, uid: str) -> None:
        assert self.run("pulumi", "config", "set", "poscloud:cluster", uid).returncode == 0


@pytest.fixture(scope="module")
def office(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    found = Office(workspace, tmp_path_factory.mktemp("user") / "config")
    yield found
    found.set_pin(workspace.get("namespace", "kube-system")["metadata"]["uid"])
    found.run("poscloud", "destroy", "--yes")


def test_the_cluster_is_pinned_by_the_first_up_and_by_nothing_else(
    workspace: Workspace, office: Office
) -> None:
    assert office.run("poscloud", "preview").returncode == 0
    assert office.pin == ""

    mark = workspace.audit_mark()
    plain = office.run("pulumi", "up", "--yes", "--skip-preview")
    assert plain.returncode != 0
    assert "is not pinned to that cluster yet" in plain.stdout + plain.stderr
    assert "run once: poscloud up -s office" in plain.stdout + plain.stderr
    assert workspace.writes_since(mark) == []

    first = office.run("poscloud", "up", "--yes")
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"context 'office' of {office.file}" in first.stderr
    assert office.pin == workspace.get("namespace", "kube-system")["metadata"]["uid"]
    assert office.run("pulumi", "up", "--yes").returncode == 0


def test_what_sleeps_is_not_woken_before_somebody_agrees(workspace: Workspace, office: Office) -> None:
    asleep = {"POSCLOUD_USER_KUBECONFIG": str(office.file)}
    assert workspace.run("poscloud", "env", "sleep", STACK, **asleep).returncode == 0
    mark = workspace.audit_mark()
    done = office.run("poscloud", "up")
    assert done.returncode == 4
    assert f"{STACK} is asleep, and would be woken before you are asked; nothing was changed" in done.stderr
    assert workspace.writes_since(mark) == []
    assert workspace.run("poscloud", "env", "wake", STACK, **asleep).returncode == 0


def test_nothing_is_written_to_another_cluster(workspace: Workspace, office: Office) -> None:
    right = office.pin
    office.describe("3.2.13")
    office.set_pin(ANOTHER)
    mark = workspace.audit_mark()

    wrapped = office.run("poscloud", "up", "--yes")
    assert wrapped.returncode == 4
    assert f"was deployed to cluster {ANOTHER}" in wrapped.stderr
    assert f"now points to cluster {right}" in wrapped.stderr

    plain = office.run("pulumi", "up", "--yes", "--skip-preview")
    assert plain.returncode != 0
    assert right in plain.stdout
    assert ANOTHER in plain.stdout

    doctor = office.run("poscloud", "doctor")
    assert doctor.returncode == 1
    assert f"belongs to the cluster with uid {ANOTHER}" in doctor.stdout

    assert workspace.writes_since(mark) == []
    office.set_pin(right)
    assert office.run("pulumi", "up", "--yes", "--skip-preview").returncode == 0
