"""The manifests of every stack and example are what a real API server accepts, to the letter."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from poscloud.load import known_stacks, load_file
from poscloud.render import Manifest, render_environment
from poscloud.render.manifest import is_cluster_wide
from tests.workspace import Workspace
from tests.write_golden import GOLDEN, ROOT

pytestmark = pytest.mark.cluster


STACKS = known_stacks(ROOT)
EXAMPLES = sorted(
    {file.stem for file in (ROOT / "examples").glob("*.yaml")} - {"images"}
)  # that one builds images


def manifests_of(source: str) -> list[Manifest]:
    """Return the golden manifests of a stack, or what an example renders."""
    if source in STACKS:
        return list(yaml.safe_load_all((GOLDEN / f"{source}.yaml").read_text()))
    spec = load_file(ROOT / "examples" / f"{source}.yaml", ROOT)
    return [m for part in render_environment(spec) for m in part.manifests]


@pytest.mark.parametrize("source", [*STACKS, *EXAMPLES])
def test_the_server_accepts_every_manifest_strictly(workspace: Workspace, source: str) -> None:
    name = f"dry-run-{source}"
    manifests = manifests_of(source)
    for manifest in manifests:
        # A dry run in a namespace needs the namespace; this one is made for the purpose.
        if manifest["kind"] == "Namespace":
            manifest["metadata"]["name"] = name
        elif not is_cluster_wide(manifest):
            manifest["metadata"]["namespace"] = name
    workspace.ok("kubectl", "create", "namespace", name)
    try:
        others = {"apiVersion": "v1", "kind": "List", "items": manifests[1:]}
        done = subprocess.run(
            ["kubectl", "create", "--dry-run=server", "--validate=strict", "-f", "-", "-o", "name"],
            input=json.dumps(others),
            cwd=workspace.root,
            env=workspace.admin_environment(),  # others may bind no Role that is not there
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        assert len(done.stdout.split()) == len(manifests) - 1
    finally:
        workspace.ok("kubectl", "delete", "namespace", name, "--wait=false")
