"""A node guard as it is described and rendered."""

from __future__ import annotations

import pytest

from poscloud.load import load_file
from poscloud.local import access
from poscloud.render import Manifest, render_environment
from poscloud.render.nodeguard import ROLE
from tests.unit.conftest import Project
from tests.write_golden import GOLDEN, ROOT, render_example

GUARD = """\
services:
  web: java
  guard: {kind: node-guard, image: "ci/poscloud:1"}
"""


def rendered(project: Project, text: str = GUARD) -> dict[str, Manifest]:
    parts = render_environment(project.load(text))
    return {m["kind"]: m for part in parts for m in part.manifests if part.kind == "node-guard"}


def test_the_example_is_as_the_golden_file_says() -> None:
    golden = (GOLDEN / "examples" / "node-guard.yaml").read_text()
    assert render_example("node-guard") == golden, "run `make golden` and read the difference"


def test_its_service_account_has_the_one_role_that_is_there_for_it(project: Project) -> None:
    made = rendered(project)
    assert made["ClusterRoleBinding"]["roleRef"]["name"] == ROLE == access.NODE_GUARD
    pod = made["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == made["ServiceAccount"]["metadata"]["name"] == "guard"
    assert made["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"


def test_no_address_of_a_webhook_is_in_clear_text() -> None:
    spec = load_file(ROOT / "examples" / "node-guard.yaml", ROOT)
    made = {m["kind"]: m for part in render_environment(spec) for m in part.manifests}
    env = made["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["env"]
    given = {e["name"] for e in env if "secretKeyRef" in e.get("valueFrom", {})}
    assert given == {"NODE_GUARD_URL_1", "NODE_GUARD_SIGN_1"}


def test_a_copy_has_no_node_guard(project: Project) -> None:
    project.write("stage.yaml", GUARD)
    assert set(project.load("copy_of: stage\nlifetime: {ttl: 1h, owner: li}\n", "mine").services) == {"web"}


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("top: 0", "top"),
        ("node_memory: 0", "node_memory"),
        ("pod_memory: lots", "'lots' is not a quantity"),
        ("replicas: 2", "it is a job that runs and ends"),
        ("schedule: always", "a cron line has five"),
        ('skip_nodes: ["node1|node2"]', "is not of the form"),
        (
            "webhooks: [{url: 'https://oapi.example.com/robot/send?access_token=t'}]",
            "use {secret: NAME, key: KEY}",
        ),
        ("webhooks: [{kind: json, url: {secret: a, key: b}, keyword: c}]", "DingTalk's; leave them out"),
        ("webhooks: [{url: {secret: a, key: b}}], env: {NODE_GUARD_URL_1: x}", "is set by a field"),
    ],
)
def test_mistakes(project: Project, field: str, message: str) -> None:
    text = f"secrets: {{a: [b]}}\nservices:\n  guard: {{kind: node-guard, image: 'ci/poscloud:1', {field}}}\n"
    problems = project.problems(text)
    told = " ".join(f"{problem.message} {problem.hint}" for problem in problems)
    assert message in told
    assert "access_token" not in told
