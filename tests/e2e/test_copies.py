"""Copies of an environment: made, listed, kept, released, and forgotten, with the real engine and API server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

ORIGINAL = """\
secrets: {words: [word]}
copies: {at_once: 2, longest: 3d}
backing: {zookeeper: {}, kafka: {}, redis: {password: true}}
services:
  web: {kind: java, node_port: 30099, uses: [pay], env: {WORD: {secret: words, key: word}}}
  pay: {kind: java, uses: [redis]}
  slow: {kind: java, uses: [kafka]}
"""
NAME = "feature-pay-12-23be8a"


@pytest.fixture(scope="module")
def copied(workspace: Workspace) -> Iterator[str]:
    """An environment, and a copy of two of its services; what making the copy printed."""
    (workspace.root / "stacks" / "shop.yaml").write_text(ORIGINAL)
    workspace.ok("pulumi", "stack", "select", "--create", "shop")
    workspace.ok("pulumi", "config", "set", "--secret", "poscloud:words.word", "not-a-real-one", "-s", "shop")
    workspace.ok("poscloud", "up", "-s", "shop")
    done = workspace.run(
        *"poscloud env create Feature/PAY-12 --from shop --only web --set pay.version=v2 --ttl 2h --owner li".split()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield done.stdout + done.stderr
    for name in (NAME, "twin", "third"):
        workspace.run("poscloud", "env", "destroy", name, "--yes")
    workspace.ok("poscloud", "destroy", "-s", "shop")


def listed(workspace: Workspace) -> dict[str, Any]:
    found = json.loads(workspace.ok("poscloud", "env", "list", "--json"))["environments"]
    return {environment["name"]: environment for environment in found}


TOMORROW = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poscloud.engine.environments.sweep import sweep
from poscloud.local.progress import ConsoleReporter

swept = sweep(Path.cwd(), ConsoleReporter(), yes=True, now=datetime.now(UTC) + timedelta(days=1))
print(swept.removed, swept.failed)
"""


def test_a_copy_runs_beside_what_it_is_a_copy_of(workspace: Workspace, copied: str) -> None:
    deployments = {d["metadata"]["name"]: d for d in workspace.get("deployments", "-n", NAME)["items"]}
    assert set(deployments) == {"web", "pay"}
    image = deployments["pay"]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith("/shop-pay:v2")
    assert f"'Feature/PAY-12' becomes {NAME}" in copied and "stays for 1h 59m" in copied


def test_a_copy_has_the_same_configuration_and_passwords_of_its_own(
    workspace: Workspace, copied: str
) -> None:
    words, passwords = (
        [workspace.get("secret", secret, "-n", space)["data"] for space in ("shop", NAME)]
        for secret in ("words", "redis")
    )
    assert words[0] == words[1]
    assert passwords[0] != passwords[1]


def test_both_are_listed(workspace: Workspace, copied: str) -> None:
    found = listed(workspace)
    mine = found[NAME]
    assert (mine["copyOf"], mine["owner"], mine["health"]) == ("shop", "li", "ready")
    assert (mine["workloads"], mine["ready"]) == (3, 3)
    assert found["shop"]["ends"] is None


def test_extending_never_shortens(workspace: Workspace, copied: str) -> None:
    workspace.ok("poscloud", "env", "extend", NAME, "--by", "2d")
    longest = listed(workspace)[NAME]["ends"]
    workspace.ok("poscloud", "env", "extend", NAME, "--by", "30m")
    assert listed(workspace)[NAME]["ends"] == longest


def test_a_shorter_lifetime_is_told(workspace: Workspace, copied: str) -> None:
    file = workspace.root / "stacks" / f"{NAME}.yaml"
    file.write_text(file.read_text().replace("ttl: 2h", "ttl: 1h"))
    done = workspace.run("poscloud", "up", "-s", NAME)
    assert done.returncode == 0, done.stderr
    assert "becomes shorter: 1h instead of 2h" in done.stderr


@pytest.mark.long
def test_a_namespace_of_somebody_else_is_no_place_for_a_copy(workspace: Workspace, copied: str) -> None:
    workspace.ok("kubectl", "create", "namespace", "twin")
    try:
        done = workspace.run("poscloud", "env", "create", "twin", "--from", "shop")
        assert done.returncode == 4
        assert "namespace twin is there already and belongs to no stack; nothing was made" in done.stderr
        assert not (workspace.root / "stacks" / "twin.yaml").exists()
        assert "twin" not in workspace.ok("pulumi", "stack", "ls")
    finally:
        workspace.ok("kubectl", "delete", "namespace", "twin")


def test_there_are_only_so_many_at_a_time(workspace: Workspace, copied: str) -> None:
    workspace.ok(*"poscloud env create twin --from shop --only pay --ttl 30m".split())
    done = workspace.run(*"poscloud env create third --from shop --only pay".split())
    assert done.returncode == 1
    assert "there are 2 copies of shop, and there may be 2 at a time" in done.stderr
    assert not (workspace.root / "stacks" / "third.yaml").exists()


def test_who_pushes_again_brings_the_same_copy_up_to_date(workspace: Workspace, copied: str) -> None:
    create = "poscloud env create twin --from shop --only pay".split()
    (workspace.root / "stacks" / "twin.yaml").unlink()  # as in a job's fresh clone
    (workspace.root / "Pulumi.twin.yaml").unlink()
    before = workspace.get("secret", "redis", "-n", "twin")["data"]
    other = workspace.run(*create, "--owner", "somebody-else")
    assert other.returncode == 4 and "is the copy of" in other.stderr
    assert "twin" in workspace.ok("pulumi", "stack", "ls")
    workspace.ok(*create, "--set", "pay.version=v3")
    (pay,) = workspace.get("deployments", "-n", "twin")["items"]
    assert pay["spec"]["template"]["spec"]["containers"][0]["image"].endswith("/shop-pay:v3")
    assert workspace.get("secret", "redis", "-n", "twin")["data"] == before


def test_what_is_gone_already_is_forgotten(workspace: Workspace, copied: str) -> None:
    workspace.ok("kubectl", "delete", "namespace", "twin")
    seen = workspace.run("poscloud", "env", "sweep")
    assert (seen.returncode, seen.stdout) == (
        1,
        "over  twin  (its namespace is gone, and its stack is not)\n",
    )
    swept = workspace.run("poscloud", "env", "sweep", "--yes")
    assert (swept.returncode, swept.stdout.splitlines()[-1]) == (
        0,
        "removed  twin  (its namespace is gone, and its stack is not)",
    )
    assert "twin" not in workspace.ok("pulumi", "stack", "ls")
    again = workspace.run("poscloud", "env", "sweep", "--yes")
    assert (again.returncode, again.stdout) == (0, "")


def test_a_sweep_removes_what_has_come_to_its_end_and_nothing_else(workspace: Workspace, copied: str) -> None:
    workspace.ok(*"poscloud env create third --from shop --only pay --ttl 30m".split())
    assert workspace.run("poscloud", "env", "sweep").returncode == 0
    swept = workspace.ok(sys.executable, "-c", TOMORROW)
    assert swept.splitlines()[-1] == "['third'] {}"
    assert {"shop", NAME} == set(listed(workspace))  # extended by two days


def test_the_project_s_own_environment_is_no_copy(workspace: Workspace, copied: str) -> None:
    done = workspace.run("poscloud", "env", "destroy", "shop", "--yes")
    assert done.returncode == 1
    assert "poscloud destroy -s shop" in done.stderr


def test_what_was_not_deployed_as_a_copy_is_none_without_its_description(
    workspace: Workspace, copied: str
) -> None:
    file = workspace.root / "stacks" / "shop.yaml"
    away = file.rename(file.with_suffix(".away"))
    try:
        done = workspace.run("poscloud", "env", "destroy", "shop", "--yes")
    finally:
        away.rename(file)
    assert done.returncode == 1
    assert "was not deployed as a copy; nothing was removed" in done.stderr


def test_of_a_released_copy_nothing_is_left(workspace: Workspace, copied: str) -> None:
    # As in another job's fresh clone, by the branch's name.
    (workspace.root / "stacks" / f"{NAME}.yaml").unlink()
    (workspace.root / f"Pulumi.{NAME}.yaml").unlink()
    workspace.ok("poscloud", "env", "destroy", "Feature/PAY-12", "--yes")
    assert NAME not in workspace.ok("kubectl", "get", "namespaces")
    assert NAME not in workspace.ok("pulumi", "stack", "ls")
    assert not list(workspace.root.glob(f"**/*{NAME}.yaml"))
