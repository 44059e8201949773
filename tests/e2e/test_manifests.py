"""The golden manifests are what a real API server accepts, to the letter."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from poscloud.load import known_stacks
from poscloud.local.environment import full_environment
from tests.workspace import Workspace
from tests.write_golden import GOLDEN, ROOT

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("stack", known_stacks(ROOT))
def test_the_server_accepts_every_manifest_strictly(workspace: Workspace, stack: str) -> None:
    name = f"dry-run-{stack}"
    manifests = [m for m in yaml.safe_load_all((GOLDEN / f"{stack}.yaml").read_text())]
    for manifest in manifests:
        # A dry run in a namespace needs the namespace; this one is made for the purpose.
        if manifest["kind"] == "Namespace":
            manifest["metadata"]["name"] = name
        else:
            manifest["metadata"]["namespace"] = name
    workspace.ok("kubectl", "create", "namespace", name)
    try:
        others = {"apiVersion": "v1", "kind": "List", "items": manifests[1:]}
        done = subprocess.run(
            ["kubectl", "create", "--dry-run=server", "--validate=strict", "-f", "-", "-o", "name"],
            input=json.dumps(others),
            cwd=workspace.root,
            env=full_environment(workspace.paths),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        assert len(done.stdout.split()) == len(manifests) - 1
    finally:
        workspace.ok("kubectl", "delete", "namespace", name, "--wait=false")
