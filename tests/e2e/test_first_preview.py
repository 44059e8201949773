"""A preview of what was never deployed."""

from __future__ import annotations

import pytest

from poscloud.load import load_environment
from poscloud.render import render_environment
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e


def test_it_shows_what_would_be_created_and_writes_nothing(workspace: Workspace) -> None:
    mark = workspace.audit_mark()
    done = workspace.run("poscloud", "preview", "-s", "dev")
    assert done.returncode == 0, done.stdout + done.stderr
    parts = render_environment(load_environment(workspace.root, "dev"))
    objects = sum(len(part.manifests) for part in parts)
    # Beside the objects: a component for each part (the environment is the first), the stack, the provider.
    assert f"{objects + len(parts) + 2} to create" in done.stdout
    assert workspace.writes_since(mark) == []
    assert "goes to the local cluster" in done.stderr


def test_a_mistake_the_server_finds_is_shown_before_anything_is_written(workspace: Workspace) -> None:
    file = workspace.root / "stacks" / "mistake.yaml"
    file.write_text(
        "adopt: true\npull_secret: null\nservices:\n  a: {kind: java, filebeat: false,"
        " overrides: {Service: {spec: {portz: 1}}}}\n"
    )
    workspace.ok("kubectl", "create", "namespace", "mistake")
    mark = workspace.audit_mark()
    try:
        done = workspace.run("poscloud", "preview", "-s", "mistake")
        assert done.returncode != 0
        assert 'unknown field "spec.portz"' in done.stdout
        assert workspace.writes_since(mark) == []
    finally:
        file.unlink()
        workspace.ok("kubectl", "delete", "namespace", "mistake", "--wait=false")
