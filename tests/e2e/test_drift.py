"""Drift and changes by hand, with the real engine and API server: what differs, who did it, and how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "adrift"
EVERYTHING = """\
pull_secret: registry
secrets: {words: [word]}
quota: {limits.memory: 100Gi, requests.cpu: 0.1k}
limits: {max: {memory: 10240Mi}}
isolation: {to_networks: [10.31.1.0/24]}
storage_classes: {ceph: {ceph_rbd: {cluster_id: CEPH}}}
priority_classes: {high: {value: 1000, description: Priority}}
ingress: [{host: drift.example.com, paths: {/: web}}]
backing:
  zookeeper: {}
  kafka: {topics: {applog: {partitions: 3}}}
  redis: {password: true}
services:
  web: {kind: java, env: {WORD: {secret: words, key: word}}}
  auto: {kind: java, autoscale: {min: 2, max: 3}, anti_affinity: none}
  pay: {kind: java, filebeat: {}, node_port: 30088}
"""
LATER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poscloud.engine.drift.command import Wanted, look
from poscloud.local.progress import ConsoleReporter

later = datetime.now(UTC) + timedelta(hours=3)
look(Path.cwd(), "adrift", Wanted(revert_due=True), ConsoleReporter(), print, later)
"""
SWEPT_LATER = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poscloud.engine.environments.sweep import sweep
from poscloud.local.progress import ConsoleReporter

swept = sweep(Path.cwd(), ConsoleReporter(), yes=True, now=datetime.now(UTC) + timedelta(hours=3))
print(swept.upkeep.by_hand, swept.upkeep.failed)
"""


@pytest.fixture(scope="module", autouse=True)
def adrift(workspace: Workspace) -> Iterator[None]:
    """An environment with every kind of object."""
    describe(workspace, EVERYTHING)
    workspace.ok("pulumi", "stack", "select", "--create", STACK)
    for key, value in (("words.word", "not-a-real-one"), ("registryAuth", '{"auths": {}}')):
        workspace.ok("pulumi", "config", "set", "--secret", f"poscloud:{key}", value, "-s", STACK)
    workspace.ok("poscloud", "up", "-s", STACK)
    yield
    workspace.ok("poscloud", "destroy", "-s", STACK)


def describe(workspace: Workspace, text: str) -> None:
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(text)


def drift(workspace: Workspace, *options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code, and ``Kind/name`` → what is told of that object."""
    done = workspace.run("poscloud", "drift", "-s", STACK, "--json", *options)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    objects = [o for component in found["components"] for o in component["objects"]]
    return done.returncode, {f"{o['kind']}/{o['name']}": o for o in objects}


def fields(told: dict[str, Any]) -> dict[str, Any]:
    return {field["field"]: field for field in told["fields"]}


def revert(workspace: Workspace) -> None:
    done = workspace.run("poscloud", "drift", "-s", STACK, "--revert")
    assert done.returncode == 0, done.stdout + done.stderr


def kubectl(workspace: Workspace, *arguments: str) -> str:
    return workspace.ok("kubectl", "-n", STACK, *arguments)


def scaled(workspace: Workspace, *words: str) -> str:
    return workspace.ok("poscloud", "scale", *words, "-s", STACK, "--reason", "load test")


def replicas(workspace: Workspace, name: str = "web") -> int:
    return int(workspace.get("deployment", name, "-n", STACK)["spec"]["replicas"])


def test_an_environment_that_nobody_touched_has_no_drift(workspace: Workspace) -> None:
    assert drift(workspace) == (0, {})


def test_looking_writes_nothing_and_asks_for_each_kind_and_the_teams(workspace: Workspace) -> None:
    mark = workspace.audit_mark()
    drift(workspace)
    assert workspace.writes_since(mark) == []
    asked = [e["objectRef"]["resource"] for e in workspace.requests_since(mark) if e["verb"] == "list"]
    twice = {resource: asked.count(resource) for resource in asked if asked.count(resource) > 1}
    assert twice == {"secrets": 2}  # the stack's own; and, by label, those that say which teams have access


def test_an_image_set_by_hand_is_told_with_who_did_it_and_put_back(workspace: Workspace) -> None:
    kubectl(workspace, "set", "image", "deployment/web", "web=evil:1")
    code, found = drift(workspace)
    (told,) = fields(found["Deployment/web"]).values()
    assert (code, list(found)) == (1, ["Deployment/web"])
    assert told["field"] == "spec.template.spec.containers[name=web].image"
    assert (told["live"], told["by"]["manager"]) == ("evil:1", "kubectl-set")
    assert told["stack"].endswith("/adrift-web:v1")
    revert(workspace)
    assert drift(workspace) == (0, {})


def test_a_number_of_pods_set_by_kubectl_is_recorded_nowhere(workspace: Workspace) -> None:
    kubectl(workspace, "scale", "deployment/pay", "--replicas=4")
    code, found = drift(workspace)
    told = fields(found["Deployment/pay"])["spec.replicas"]
    assert (code, told["stack"], told["live"], told["recorded"]) == (1, 1, 4, None)
    assert told["by"]["operation"] == "Update of scale"
    revert(workspace)
    assert replicas(workspace, "pay") == 1


def test_what_was_deleted_is_made_anew_and_the_state_knows_it(workspace: Workspace) -> None:
    kubectl(workspace, "delete", "configmap", "pay-filebeat-config")
    code, found = drift(workspace)
    assert (code, found["ConfigMap/pay-filebeat-config"]["state"]) == (1, "missing")
    revert(workspace)
    assert drift(workspace) == (0, {})
    assert "unchanged" in workspace.ok("poscloud", "preview", "-s", STACK)


def test_a_secret_is_told_without_its_values(workspace: Workspace) -> None:
    kubectl(workspace, "patch", "secret", "words", "-p", '{"stringData": {"word": "stolen-word"}}')
    done = workspace.run("poscloud", "drift", "-s", STACK)
    assert done.returncode == 1
    assert "data.word: changed, secret" in done.stdout
    shown = done.stdout + done.stderr + workspace.run("poscloud", "drift", "-s", STACK, "--json").stdout
    assert not [word for word in ("stolen-word", "not-a-real-one") if word in shown]
    revert(workspace)
    assert drift(workspace) == (0, {})


def test_what_others_added_is_told_and_removed(workspace: Workspace) -> None:
    kubectl(workspace, "label", "service", "web", "team=blue")
    kubectl(workspace, "set", "env", "deployment/web", "DEBUG=1")
    kubectl(workspace, "patch", "service", "pay", "-p", '{"spec": {"selector": {"canary": "yes"}}}')
    code, found = drift(workspace)
    label = fields(found["Service/web"])["metadata.labels.team"]
    assert (code, label["live"], label["change"], label["by"]["manager"]) == (
        1,
        "blue",
        "added",
        "kubectl-label",
    )
    assert list(fields(found["Service/pay"])) == ["spec.selector.canary"]
    (env,) = fields(found["Deployment/web"])
    assert env == "spec.template.spec.containers[name=web].env[name=DEBUG]"
    revert(workspace)
    assert drift(workspace) == (0, {})
    assert workspace.get("service", "pay", "-n", STACK)["spec"]["selector"] == {"app": "pay"}


def test_a_webhooks_manager_can_be_ignored(workspace: Workspace) -> None:
    kubectl(workspace, "label", "service", "web", "mesh=on", "--field-manager=mesh-webhook")
    assert drift(workspace)[0] == 1
    assert drift(workspace, "--ignore-manager", "mesh-webhook") == (0, {})
    kubectl(workspace, "label", "service", "web", "mesh-")


def test_a_recorded_number_of_pods_is_told_apart(workspace: Workspace) -> None:
    scaled(workspace, "web", "3", "--for", "2h")
    code, found = drift(workspace)
    told = fields(found["Deployment/web"])["spec.replicas"]
    assert (code, told["live"], told["recorded"]["why"]) == (0, 3, "load test")
    assert workspace.get("deployment", "web", "-n", STACK)["status"]["readyReplicas"] == 3
    kubectl(workspace, "scale", "deployment/web", "--replicas=5")
    assert drift(workspace)[0] == 1
    revert(workspace)
    assert replicas(workspace) == 1


def test_an_up_that_changes_something_else_leaves_it(workspace: Workspace) -> None:
    scaled(workspace, "web", "3", "--for", "2h")
    describe(workspace, EVERYTHING.replace("web: {kind: java,", "web: {kind: java, version: v2,"))
    done = workspace.run("poscloud", "up", "-s", STACK)
    assert done.returncode == 0, done.stdout
    assert "by hand: Deployment web: scale, spec.replicas 1 → 3 by " in done.stderr
    assert replicas(workspace) == 3
    workspace.ok("poscloud", "up", "-s", STACK, "--refresh")
    assert replicas(workspace) == 3


def test_a_revert_of_the_same_object_leaves_what_is_recorded(workspace: Workspace) -> None:
    kubectl(workspace, "set", "image", "deployment/web", "web=evil:1")
    assert drift(workspace)[0] == 1
    revert(workspace)
    assert replicas(workspace) == 3
    assert drift(workspace)[0] == 0


def test_an_up_that_changes_it_says_so_and_ends_the_record(workspace: Workspace) -> None:
    describe(
        workspace, EVERYTHING.replace("web: {kind: java,", "web: {kind: java, replicas: 2, version: v2,")
    )
    done = workspace.run("poscloud", "up", "-s", STACK)
    assert done.returncode == 0, done.stdout
    assert "Deployment web: spec.replicas is 2, as the stack says, and no longer 3" in done.stderr
    assert drift(workspace) == (0, {})


def test_without_an_end_it_stays_until_the_next_up(workspace: Workspace) -> None:
    scaled(workspace, "web", "0")
    assert replicas(workspace) == 0
    done = workspace.run("poscloud", "up", "-s", STACK)
    assert "Deployment web: spec.replicas 0 → 2, as the stack says; over is: load test" in done.stderr
    assert replicas(workspace) == 2
    assert drift(workspace) == (0, {})


def test_it_is_put_back_when_its_time_is_over(workspace: Workspace) -> None:
    scaled(workspace, "web", "4", "--for", "2h")
    assert workspace.run("poscloud", "drift", "-s", STACK, "--revert-due").returncode == 0
    assert replicas(workspace) == 4
    told = workspace.ok(sys.executable, "-c", LATER)
    assert "Deployment web: spec.replicas 4 → 2, as the stack says" in told
    assert replicas(workspace) == 2
    assert drift(workspace) == (0, {})


def test_a_sweep_puts_it_back_too_and_a_second_one_finds_nothing(workspace: Workspace) -> None:
    scaled(workspace, "pay", "2", "--for", "2h")
    first, second = (workspace.ok(sys.executable, "-c", SWEPT_LATER).splitlines()[-1] for _ in range(2))
    assert first.startswith("['adrift: Deployment pay: spec.replicas 2 → 1") and first.endswith(" {}")
    assert second == "[] {}"
    assert replicas(workspace, "pay") == 1


def test_what_somebody_changed_again_is_left_when_the_time_is_over(workspace: Workspace) -> None:
    scaled(workspace, "web", "4", "--for", "2h")
    kubectl(workspace, "scale", "deployment/web", "--replicas=5")
    assert "spec.replicas is 5, and no longer 4" in workspace.ok(sys.executable, "-c", LATER)
    assert replicas(workspace) == 5
    revert(workspace)


def test_scaling_to_what_the_stack_says_ends_the_record(workspace: Workspace) -> None:
    scaled(workspace, "web", "4")
    assert "has 2 replicas, as the stack says" in scaled(workspace, "web", "2")
    assert "recorded" not in workspace.ok("poscloud", "drift", "-s", STACK)


def test_a_restart_makes_pods_anew_and_is_recorded(workspace: Workspace) -> None:
    before = {p["metadata"]["uid"] for p in workspace.get("pods", "-n", STACK, "-l", "app=pay")["items"]}
    workspace.ok("poscloud", "restart", "pay", "-s", STACK, "--reason", "new certificate")
    after = workspace.get("pods", "-n", STACK, "-l", "app=pay")["items"]
    ready = {p["metadata"]["uid"] for p in after if "deletionTimestamp" not in p["metadata"]}
    assert ready and not ready & before
    done = workspace.run("poscloud", "drift", "-s", STACK)
    assert done.returncode == 0 and "Deployment pay: restarted by " in done.stdout
    workspace.ok("poscloud", "up", "-s", STACK)
    assert drift(workspace) == (0, {})


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["auto", "3"], 1, "is scaled by HorizontalPodAutoscaler auto between 2 and 3"),
        (["wbe", "3"], 1, "has no service 'wbe' that runs pods"),
        (["web", "3", "--for", "soon"], 1, "--for: 'soon' is no duration"),
        (["web", "--", "-1"], 1, "-1 is no number of pods"),
    ],
)
def test_what_cannot_be_scaled_is_refused(
    workspace: Workspace, words: list[str], code: int, told: str
) -> None:
    done = workspace.run("poscloud", "scale", "-s", STACK, "--reason", "x", *words)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr


def test_a_namespace_of_another_stack_is_left_alone(workspace: Workspace) -> None:
    stamp = "poscloud.io/stack=poscloud/other"
    workspace.ok("kubectl", "annotate", "--overwrite", "namespace", STACK, stamp)
    try:
        for command in (["drift"], ["scale", "web", "3", "--reason", "x"], ["restart", "web"]):
            done = workspace.run("poscloud", *command, "-s", STACK)
            assert done.returncode == 4
            assert "namespace adrift belongs to stack poscloud/other" in done.stderr
        assert replicas(workspace) == 2
    finally:
        workspace.ok(
            "kubectl", "annotate", "--overwrite", "namespace", STACK, f"poscloud.io/stack=poscloud/{STACK}"
        )


def test_pods_that_sleep_are_no_drift(workspace: Workspace) -> None:
    kubectl(workspace, "annotate", "deployment", "pay", "poscloud.io/replicas=1")
    kubectl(workspace, "scale", "deployment/pay", "--replicas=0")
    assert drift(workspace) == (0, {})
    kubectl(workspace, "scale", "deployment/pay", "--replicas=1")
    kubectl(workspace, "annotate", "deployment", "pay", "poscloud.io/replicas-")


@pytest.mark.long
def test_a_large_environment_has_no_drift(workspace: Workspace) -> None:
    workspace.ok("poscloud", "up", "-s", "wbyh-stage")
    try:
        done = workspace.run("poscloud", "drift", "-s", "wbyh-stage")
        assert (done.returncode, done.stdout) == (0, "")
    finally:
        workspace.ok("poscloud", "destroy", "-s", "wbyh-stage")


def test_a_destroy_archives_what_was_recorded_and_leaves_no_ledger(workspace: Workspace) -> None:
    scaled(workspace, "pay", "2", "--for", "2h")
    done = workspace.run("poscloud", "destroy", "-s", STACK)
    assert done.returncode == 0, done.stderr
    assert f"nothing is left of {STACK}" in done.stderr
    (kept,) = (workspace.root / ".poscloud" / "archive" / STACK).glob("*/by-hand.json")
    assert [(e["name"], e["why"]) for e in json.loads(kept.read_text())] == [("pay", "load test")]
