"""A deployer who may work in one existing namespace, and nowhere else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.local.access import access_text
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

HOME = "default"
"""The namespace of the service account; its own would end it when the environment goes."""

STACK = "single"
DESCRIPTION = """\
adopt: true
pull_secret: null
backing: {redis: {}}
services: {a: {kind: java, uses: [redis]}}
"""


class Deployer:
    """A service account with what ``poscloud access --namespace`` prints, and its kubeconfig.

    Args:
        workspace: Has the cluster.
        file: The deployer's kubeconfig, to be written.
    """

    def __init__(self, workspace: Workspace, file: Path) -> None:
        self.workspace, self.file = workspace, file
        workspace.ok("kubectl", "create", "namespace", STACK)
        workspace.ok("kubectl", "create", "serviceaccount", "deployer", "-n", HOME)
        rights = access_text("", "", f"{HOME}/deployer", STACK)
        done = workspace.run("kubectl", "apply", "-f", "-", given=rights)
        assert done.returncode == 0, done.stderr
        token = workspace.ok("kubectl", "create", "token", "deployer", "-n", HOME).strip()
        config = json.loads(workspace.paths.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        config["contexts"][0]["name"] = config["current-context"] = "single"
        file.write_text(json.dumps(config))
        self.settings = workspace.root / f"Pulumi.{STACK}.yaml"
        self.settings.write_text("config:\n  poscloud:context: single\n")
        (workspace.root / "stacks" / f"{STACK}.yaml").write_text(DESCRIPTION)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self.workspace.run(*command, "-s", STACK, POSCLOUD_USER_KUBECONFIG=str(self.file))


@pytest.fixture(scope="module")
def deployer(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployer]:
    found = Deployer(workspace, tmp_path_factory.mktemp("deployer") / "config")
    yield found
    workspace.run("kubectl", "delete", "namespace", STACK, "--ignore-not-found")
    workspace.run("pulumi", "stack", "rm", "--force", "--yes", STACK)
    workspace.run("kubectl", "delete", "serviceaccount", "deployer", "-n", HOME)
    workspace.run(
        "kubectl", "delete", "clusterrolebinding", f"poscloud-identity:serviceaccount:{HOME}:deployer"
    )


def test_the_environment_comes_up_in_the_namespace_it_was_given(deployer: Deployer) -> None:
    up = deployer.run("poscloud", "up", "--yes")
    assert up.returncode == 0, up.stdout[-3000:] + up.stderr[-2000:]
    assert deployer.workspace.get("deployment", "a", "-n", STACK)["status"]["readyReplicas"] == 1
    again = deployer.run("pulumi", "preview", "--expect-no-changes")
    assert again.returncode == 0, again.stdout


def test_no_other_namespace_may_be_touched(deployer: Deployer) -> None:
    who = f"--as=system:serviceaccount:{HOME}:deployer"
    for verb, what, where in (
        ("create", "deployments.apps", "default"),
        ("get", "secrets", "default"),
        ("create", "namespaces", STACK),
        ("delete", "namespaces", STACK),
        ("list", "persistentvolumes", STACK),
    ):
        asked = deployer.workspace.run("kubectl", "auth", "can-i", verb, what, "-n", where, who)
        assert asked.stdout.strip() == "no", (verb, what, where)


def test_destroy_needs_the_administrator_for_the_namespace_itself(deployer: Deployer) -> None:
    down = deployer.run("poscloud", "destroy", "--yes")
    assert down.returncode != 0
    assert 'cannot delete resource "namespaces"' in down.stdout + down.stderr
    deployer.workspace.ok("kubectl", "delete", "namespace", STACK)
    forgotten = deployer.run("pulumi", "stack", "rm", "--force", "--yes")
    assert forgotten.returncode == 0, forgotten.stderr
