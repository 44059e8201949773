"""``up`` publishes what it deployed, and a job without cluster, passphrase or engine compares with it."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "published"
KEY = "not-a-real-key-of-a-baseline"
TEXT = """\
baseline: baselines
pull_secret: null
backing:
  redis: {password: true}
services:
  web: {kind: java, filebeat: false, uses: [redis]}
"""


@pytest.fixture(scope="module")
def up(workspace: Workspace) -> Iterator[str]:
    """An environment that is up; what that told."""
    file = workspace.root / "stacks" / f"{STACK}.yaml"
    file.write_text(TEXT)
    done = workspace.run("poscloud", "up", "-s", STACK, POSCLOUD_BASELINE_KEY=KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    yield done.stderr
    workspace.run("poscloud", "destroy", "-s", STACK)
    file.unlink()


def preview(workspace: Workspace, home: Path) -> str:
    """Return the comment, made with nothing of this shell's environment."""
    done = subprocess.run(
        [Path(sys.executable).with_name("poscloud"), "mr", "preview", "-s", STACK],
        cwd=workspace.root,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "POSCLOUD_BASELINE_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_changes_right_after_up(workspace: Workspace, up: str, tmp_path: Path) -> None:
    assert (
        f"published the baseline for merge requests: {workspace.root}/baselines/poscloud/{STACK}.json" in up
    )
    assert "nothing changes" in preview(workspace, tmp_path)


def test_a_rotated_password_is_changed_and_neither_value_is_anywhere(
    workspace: Workspace, up: str, tmp_path: Path
) -> None:
    secret = workspace.get("secret", "redis", "-n", STACK)["data"]["password"]
    rotated = workspace.run("poscloud", "secret", "rotate", "-s", STACK, "redis")
    assert rotated.returncode == 0, rotated.stderr
    new = workspace.ok("pulumi", "config", "get", "poscloud:redis.password", "-s", STACK).strip()
    comment = preview(workspace, tmp_path)
    assert "2 pods restart" in comment and "`stringData.password`: changed" in comment
    for word in (base64.b64decode(secret).decode(), new):
        assert word not in comment
        assert word not in (workspace.root / "baselines" / "poscloud" / f"{STACK}.json").read_text()


def test_up_succeeds_where_the_baseline_cannot_be_published(workspace: Workspace, up: str) -> None:
    done = workspace.run("poscloud", "up", "-s", STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "its baseline was not published: POSCLOUD_BASELINE_KEY is not set" in done.stderr
    assert f"poscloud mr baseline publish -s {STACK}" in done.stderr
