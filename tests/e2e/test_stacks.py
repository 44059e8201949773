"""Every environment of the repository, brought up and destroyed end to end on the local cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.load import known_stacks, load_environment
from poscloud.render import render_environment
from tests.workspace import ROOT, Workspace

pytestmark = pytest.mark.e2e

ELSEWHERE = {"wbyh-stage"}
"""Has a test of its own, which does more (test_environment.py)."""


SHARE = {"dac-test", "prod"}
"""The others are brought up by ``make test-stacks``."""

STACKS = [
    pytest.param(stack, marks=() if stack in SHARE else pytest.mark.long)
    for stack in sorted(set(known_stacks(ROOT)) - ELSEWHERE)
]


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_comes_up_and_goes_without_a_trace(workspace: Workspace, stack: str) -> None:
    Path(workspace.root / f"Pulumi.{stack}.yaml").unlink(missing_ok=True)  # here all go to the local cluster
    spec = load_environment(workspace.root, stack)
    workspace.ok("pulumi", "stack", "select", "--create", stack)
    for name in (f"{secret}.{key}" for secret, keys in spec.secrets.items() for key in keys):
        workspace.ok("pulumi", "config", "set", "--secret", f"poscloud:{name}", "not-a-real-one", "-s", stack)
    up = workspace.run("poscloud", "up", "-s", stack)
    try:
        assert up.returncode == 0, up.stdout[-4000:] + up.stderr[-2000:]
        wanted = {
            f"{m['kind'].lower()}/{m['metadata']['name']}": m["spec"].get("replicas", 1)
            for part in render_environment(spec)
            for m in part.manifests
            if m["kind"] in ("Deployment", "StatefulSet")
        }
        live = workspace.get("deployments,statefulsets", "-n", stack)["items"]
        ready = {
            f"{i['kind'].lower()}/{i['metadata']['name']}": i["status"].get("readyReplicas", 0) for i in live
        }
        assert ready == wanted
        workspace.ok("pulumi", "preview", "--expect-no-changes", "-s", stack)
    finally:
        down = workspace.run("poscloud", "destroy", "-s", stack)
    assert down.returncode == 0, down.stdout[-4000:] + down.stderr[-2000:]
    assert f"nothing is left of {stack}" in down.stderr
