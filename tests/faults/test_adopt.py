"""``adopt``: a namespace that was there before becomes the stack's, and nothing else does.

The tests of this module build on each other, in the order they stand.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workspace import Workspace

pytestmark = [pytest.mark.faults, pytest.mark.long]

STACK = "adopted"
REDIS = '  redis: {version: "3.2.12"}\n'
DESCRIPTION = """\
pull_secret: null
limits: null
priority_classes: {high: {value: 1000}}
services:
  a: {kind: java, anti_affinity: none, probes: {initial_delay: 0}, resources: {requests: {cpu: 10m}}}
"""
MORE = (
    "  b: {kind: java, anti_affinity: none, probes: {initial_delay: 0}, resources: {requests: {cpu: 10m}}}\n"
)


def service(name: str, **metadata: Any) -> dict[str, Any]:
    spec = {"selector": {"app": "old"}, "ports": [{"name": "old", "port": 81}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, **metadata}, "spec": spec}


def stateful_set(name: str) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": name, "image": "old"}]},
    }
    spec = {"serviceName": "old", "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": spec}


class Town:
    """A namespace that somebody has filled by kubectl.

    Args:
        workspace: Has the cluster.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def kubectl(self, *command: str, given: dict[str, Any] | None = None) -> str:
        done = subprocess.run(
            ["kubectl", "-n", STACK, *command], env=self.workspace.environment(), text=True, check=False,
            input=json.dumps(given) if given else None, capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def describe(self, text: str) -> None:
        (self.workspace.root / "stacks" / f"{STACK}.yaml").write_text(text)

    def refused(self, *command: str) -> tuple[str, list[str]]:
        """Run a command that has to fail; return what it printed and what it wrote."""
        mark = self.workspace.audit_mark()
        done = self.workspace.run(*command, "-s", STACK)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr, self.workspace.writes_since(mark)

    def ok(self, *command: str) -> subprocess.CompletedProcess[str]:
        done = self.workspace.run(*command, "-s", STACK)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def town(workspace: Workspace) -> Iterator[Town]:
    found = Town(workspace)
    found.kubectl("create", "namespace", STACK)
    found.kubectl("apply", "-f", "-", given=service("a"))
    found.kubectl("apply", "-f", "-", given=stateful_set("redis"))
    found.kubectl("create", "configmap", "other")
    yield found
    workspace.run("poscloud", "destroy", "-s", STACK)
    workspace.run("kubectl", "delete", "namespace", STACK, "--ignore-not-found")


@pytest.mark.fault(14)
def test_a_namespace_without_a_stamp_is_refused(town: Town) -> None:
    town.describe(DESCRIPTION)
    for command in (("poscloud", "preview"), ("poscloud", "up"), ("pulumi", "up", "--yes", "--skip-preview")):
        text, writes = town.refused(*command)
        assert f"namespace {STACK} exists already, created by kubectl-create" in text
        assert f"adopt: true in stacks/{STACK}.yaml" in text
        assert writes == [], "not even the class, which is made before the namespace"


def test_what_cannot_become_what_is_described_is_told_and_left(town: Town) -> None:
    before = json.loads(town.kubectl("get", "statefulset", "redis", "-o", "json"))["spec"]
    town.describe(f"adopt: true\n{DESCRIPTION}backing:\n{REDIS}")
    text, _ = town.refused("poscloud", "preview")
    assert f"StatefulSet {STACK}/redis exists already and cannot become what is described" in text
    text, writes = town.refused("poscloud", "up")
    assert f"StatefulSet {STACK}/redis exists already and cannot become what is described" in text
    assert "patch statefulsets/redis" not in writes
    assert json.loads(town.kubectl("get", "statefulset", "redis", "-o", "json"))["spec"] == before
    town.kubectl("delete", "statefulset", "redis")


def test_the_namespace_and_what_is_described_are_taken_in(town: Town) -> None:
    town.describe(f"adopt: true\n{DESCRIPTION}backing:\n{REDIS}")
    done = town.ok("poscloud", "up")
    assert "destroy then deletes it with all that is in it" in done.stderr
    namespace = json.loads(town.kubectl("get", "namespace", STACK, "-o", "json"))
    assert namespace["metadata"]["annotations"]["poscloud.io/stack"] == f"poscloud/{STACK}"
    taken = json.loads(town.kubectl("get", "service", "a", "-o", "json"))
    assert taken["metadata"]["annotations"]["poscloud.io/stack"] == f"poscloud/{STACK}"
    assert taken["spec"]["selector"] == {"app": "a"}
    assert [port["port"] for port in taken["spec"]["ports"]] == [9090], "what kubectl apply had set is gone"
    other = json.loads(town.kubectl("get", "configmap", "other", "-o", "json"))
    assert "annotations" not in other["metadata"]
    town.ok("pulumi", "preview", "--expect-no-changes")


def test_taking_adopt_out_again_rolls_nothing(town: Town) -> None:
    pods = town.kubectl("get", "pods", "-o", "name")
    town.describe(f"{DESCRIPTION}backing:\n{REDIS}")
    mark = town.workspace.audit_mark()
    town.ok("poscloud", "up")
    # The namespace was taken in by apply; the class, made by a create, is first made ours to apply.
    wide = f"patch priorityclasses/{STACK}.high"
    assert sorted(town.workspace.writes_since(mark)) == [f"patch namespaces/{STACK}", wide, wide]
    assert town.kubectl("get", "pods", "-o", "name") == pods


@pytest.mark.fault(14)
def test_afterwards_what_is_made_by_hand_is_refused_again(town: Town) -> None:
    town.kubectl("create", "service", "clusterip", "b", "--tcp=80:80")
    town.describe(f"{DESCRIPTION}{MORE}backing:\n{REDIS}")
    text, _ = town.refused("poscloud", "up")
    assert f"Service {STACK}/b exists already, created by kubectl-create" in text
    assert json.loads(town.kubectl("get", "service", "b", "-o", "json"))["spec"]["ports"][0]["port"] == 80


def test_what_another_stack_has_stamped_is_never_taken(town: Town) -> None:
    town.kubectl("annotate", "service", "b", "poscloud.io/stack=billing/adopted")
    town.describe(f"adopt: true\n{DESCRIPTION}{MORE}backing:\n{REDIS}")
    text, writes = town.refused("poscloud", "up")
    assert f"Service {STACK}/b exists already" in text
    assert f"it belongs to stack billing/{STACK}; nothing was changed" in text
    assert "patch services/b" not in writes


def test_destroy_deletes_it_with_all_that_is_in_it(town: Town) -> None:
    town.ok("poscloud", "destroy")
    assert town.kubectl("get", "namespace", STACK, "--ignore-not-found") == ""
