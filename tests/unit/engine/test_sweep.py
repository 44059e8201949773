"""When a sweep may not remove anything."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, cast

import pytest

from poscloud.engine import unrecorded
from poscloud.engine.backends.store import BackendUnreadableError
from poscloud.engine.known import refuse_unknown
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.sweep import refuse_other_state, sweep
from poscloud.errors import DeployError, StackNotFoundError
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import Reporter

NOBODY = cast(Reporter, None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    return tmp_path


class Cluster:
    """Stands where kubectl stands."""

    def __init__(self, uid: str) -> None:
        self.uid = uid

    def get(self, *_: str) -> dict[str, Any]:
        return {"metadata": {"uid": self.uid}} if self.uid else {}


def write_state(root: Path, *namespaces: tuple[str, str]) -> None:
    folder = root / ".poscloud" / "state" / ".pulumi" / "stacks" / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    resources = [
        {
            "type": "kubernetes:core/v1:Namespace",
            "id": name,
            "urn": "u",
            "outputs": {"metadata": {"uid": uid}},
        }
        for name, uid in namespaces
    ]
    (folder / "dev.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))


@pytest.mark.parametrize(
    ("state", "uid"),
    [((), "u-1"), ((("dev", "u-2"),), "u-1"), ((("other", "u-1"),), "u-1"), ((), "")],
    ids=["empty", "another one", "of another name", "none there"],
)
def test_a_state_without_the_namespace_that_is_there_removes_nothing(
    root: Path, state: tuple[tuple[str, str], ...], uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    write_state(root, *state)
    with pytest.raises(DeployError, match=r"does not have the namespace dev .* nothing was removed"):
        refuse_other_state(Pulumi(root), cast(Kubectl, Cluster(uid)), "dev")


def test_its_own_namespace_or_a_run_that_was_killed_here_lets_it_remove(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    write_state(root, ("other", "u-0"), ("dev", "u-1"))
    refuse_other_state(Pulumi(root), cast(Kubectl, Cluster("u-1")), "dev")
    unrecorded.mark(ProjectPaths(root), "dev")
    refuse_other_state(Pulumi(root), cast(Kubectl, Cluster("u-9")), "dev")


def test_nothing_is_removed_where_the_locks_cannot_be_seen(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "azblob://state")
    (root / "stacks" / "dev.yaml").write_text("services: {}\n")
    with pytest.raises(BackendUnreadableError):
        sweep(root, "dev", NOBODY, yes=True, data=False)


def test_a_stack_that_is_not_there_is_refused_before_anything_is_made(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    with pytest.raises(StackNotFoundError):
        sweep(root, "typo", NOBODY, yes=False, data=False)
    assert not (root / ".poscloud").exists()


@pytest.mark.parametrize(
    ("code", "says", "error"),
    [
        (0, "", None),
        (255, "error: no stack named 'dev' found", StackNotFoundError),
        (255, "error: connection refused", DeployError),
    ],
)
def test_a_backend_elsewhere_is_asked_for_a_stack_without_description(
    root: Path, monkeypatch: pytest.MonkeyPatch, code: int, says: str, error: type[Exception] | None
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state")
    asked = []

    def answer(_: Pulumi, *arguments: str) -> CompletedProcess[str]:
        asked.append(arguments)
        return CompletedProcess((), code, "", says)

    monkeypatch.setattr(Pulumi, "quietly", answer)
    if error is None:
        refuse_unknown(root, "dev")
    else:
        with pytest.raises(error):
            refuse_unknown(root, "dev")
    assert asked == [("stack", "select", "--stack", "dev", "--non-interactive")]
