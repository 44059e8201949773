"""The life of wbyh-stage on the local cluster, by the real engine: up, unchanged, changed, destroyed.

The tests of this module build on each other, in the order they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from poscloud.load import load_environment
from poscloud.render import Manifest, render_environment
from tests.e2e.manifests import as_stored, differences
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "wbyh-stage"
SERVICE_CREDENTIALS = '{"auths":{"harbor.example.com":{"auth":"dGhlLXZlcnktc2VjcmV0LXdvcmQ="}}}'
SECRET_WORD = "dGhlLXZlcnktc2VjcmV0LXdvcmQ="


def rendered(workspace: Workspace) -> list[Manifest]:
    spec = load_environment(workspace.root, STACK)
    return [m for part in render_environment(spec) for m in part.manifests]


def generations(workspace: Workspace) -> dict[str, int]:
    items = workspace.get("deployments,statefulsets,services,configmaps", "-n", STACK)["items"]
    return {
        f"{i['kind']}/{i['metadata']['name']}": i["metadata"].get(
            "generation", int(i["metadata"]["resourceVersion"])
        )
        for i in items
        if i["metadata"]["name"] != "kube-root-ca.crt"
    }


@pytest.fixture(scope="module", autouse=True)
def deployed(workspace: Workspace) -> Iterator[None]:
    workspace.ok("poscloud", "up", "-s", STACK)
    yield
    workspace.run("poscloud", "destroy", "-s", STACK)


def test_every_pod_is_ready(workspace: Workspace) -> None:
    every = workspace.get("pods", "-n", STACK)["items"]
    pods = [pod for pod in every if pod["status"]["phase"] != "Succeeded"]  # of the Job that tries the Kafka
    ready = {
        p["metadata"]["name"]: any(
            c["type"] == "Ready" and c["status"] == "True" for c in p["status"]["conditions"]
        )
        for p in pods
    }
    assert len(pods) == 25, sorted(ready)  # 17 of services, 3 ZooKeepers, 3 Kafkas, Redis, Mongo
    assert all(ready.values()), ready


def test_every_object_is_as_rendered(workspace: Workspace) -> None:
    wrong: list[str] = []
    for manifest in rendered(workspace):
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        live = workspace.get(manifest["kind"], manifest["metadata"]["name"], "-n", STACK)
        wrong += [f"{name}{d}" for d in differences(as_stored(manifest), live)]
    assert not wrong, "\n".join(wrong)


def test_every_claim_is_bound(workspace: Workspace) -> None:
    claims = workspace.get("persistentvolumeclaims", "-n", STACK)["items"]
    assert [c["status"]["phase"] for c in claims] == ["Bound"] * 8


def test_the_namespace_carries_the_fence(workspace: Workspace) -> None:
    annotations = workspace.get("namespace", STACK)["metadata"]["annotations"]
    uid = workspace.get("namespace", "kube-system")["metadata"]["uid"]
    assert annotations["poscloud.io/stack"] == f"poscloud/{STACK}"
    assert annotations["poscloud.io/cluster"] == uid


def test_up_again_changes_nothing_and_writes_nothing(workspace: Workspace) -> None:
    mark = workspace.audit_mark()
    output = workspace.ok("pulumi", "up", "--yes", "-s", STACK)
    assert "unchanged" in output
    assert not any(word in output for word in ("created", "updated", "replaced", "deleted"))
    assert workspace.writes_since(mark) == []


def test_a_preview_of_nothing_asks_the_cluster_nothing(workspace: Workspace) -> None:
    mark = workspace.audit_mark()
    workspace.ok("pulumi", "preview", "--expect-no-changes", "-s", STACK)
    assert workspace.requests_since(mark) == []


def test_stack_outputs_name_every_service(workspace: Workspace) -> None:
    output = workspace.ok("pulumi", "stack", "output", "--json", "-s", STACK)
    assert '"dac-task": "http://dac-task.wbyh-stage.svc.cluster.local:9090"' in output


def change_image(workspace: Workspace, version: str) -> None:
    file = workspace.root / "stacks" / f"{STACK}.yaml"
    text = file.read_text()
    old = next(line for line in text.splitlines() if line.startswith("  dac-task:"))
    file.write_text(text.replace(old, f"  dac-task: {{kind: java, version: {version}}}"))


def test_a_preview_of_a_changed_image_shows_it_and_writes_nothing(workspace: Workspace) -> None:
    change_image(workspace, "v2")
    mark = workspace.audit_mark()
    output = workspace.ok("pulumi", "preview", "--diff", "--non-interactive", "-s", STACK)
    assert workspace.writes_since(mark) == []
    assert "wbyh-stage-dac-task:v1" in output
    assert "wbyh-stage-dac-task:v2" in output
    assert "1 to update" in output


def test_a_changed_image_changes_exactly_that_deployment(workspace: Workspace) -> None:
    change_image(workspace, "v3")
    before, mark = generations(workspace), workspace.audit_mark()
    workspace.ok("pulumi", "up", "--yes", "--skip-preview", "-s", STACK)
    after = generations(workspace)
    assert {name for name in after if after[name] != before[name]} == {"Deployment/dac-task"}
    assert {w.split()[1] for w in workspace.writes_since(mark)} == {"deployments/dac-task"}
    containers = workspace.get("deployment", "dac-task", "-n", STACK)["spec"]["template"]["spec"][
        "containers"
    ]
    assert containers[0]["image"] == "harbor.example.com/wbyh/wbyh-stage-dac-task:v3"


def test_refresh_finds_no_drift(workspace: Workspace) -> None:
    workspace.ok("pulumi", "refresh", "--yes", "--expect-no-changes", "-s", STACK)


def test_a_secret_is_nowhere_in_clear_text(workspace: Workspace) -> None:
    workspace.ok("pulumi", "config", "set", "--secret", "registryAuth", SERVICE_CREDENTIALS, "-s", STACK)
    outputs = [
        workspace.ok("pulumi", "preview", "--diff", "-s", STACK),
        workspace.ok("pulumi", "up", "--yes", "--diff", "-s", STACK),
    ]
    import base64

    stored = workspace.get("secret", "myregistrykey", "-n", STACK)["data"][".dockerconfigjson"]
    assert base64.b64decode(stored).decode() == SERVICE_CREDENTIALS
    files = [f for f in workspace.paths.state.rglob("*") if f.is_file()] + [
        workspace.root / f"Pulumi.{STACK}.yaml"
    ]
    for text in [*outputs, *(f.read_text() for f in files)]:
        assert SECRET_WORD not in text
        assert base64.b64encode(SERVICE_CREDENTIALS.encode()).decode() not in text


def test_an_object_of_somebody_else_is_not_taken(workspace: Workspace) -> None:
    workspace.ok(
        "kubectl", "create", "configmap", "dac-extra-filebeat-config", "-n", STACK, "--from-literal=a=b"
    )
    file = workspace.root / "stacks" / f"{STACK}.yaml"
    original = file.read_text()
    try:
        file.write_text(original + "  dac-extra: java\n")
        done = workspace.run("pulumi", "up", "--yes", "--skip-preview", "-s", STACK)
    finally:
        file.write_text(original)
    assert done.returncode != 0
    assert "dac-extra-filebeat-config" in done.stdout
    assert "exists" in done.stdout
    live = workspace.get("configmap", "dac-extra-filebeat-config", "-n", STACK)
    assert live["data"] == {"a": "b"}
    workspace.ok("kubectl", "delete", "configmap", "dac-extra-filebeat-config", "-n", STACK)
    workspace.ok("pulumi", "up", "--yes", "--skip-preview", "-s", STACK)


def test_destroy_leaves_nothing(workspace: Workspace) -> None:
    done = workspace.run("poscloud", "destroy", "-s", STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is left of wbyh-stage" in done.stderr
    namespaces = [n["metadata"]["name"] for n in workspace.get("namespaces")["items"]]
    assert STACK not in namespaces
    volumes: list[dict[str, Any]] = workspace.get("persistentvolumes")["items"]
    assert [v for v in volumes if v["spec"]["claimRef"]["namespace"] == STACK] == []
    exported = json.loads(workspace.ok("pulumi", "stack", "export", "-s", STACK))["deployment"]
    assert [r["type"] for r in exported.get("resources") or [] if r["type"].startswith("kubernetes:")] == []
