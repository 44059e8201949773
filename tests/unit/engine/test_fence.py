"""A destroy of a namespace that is not this stack's any more does not begin."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, cast

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.fence import NAMESPACE_TYPE, refuse_taken
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths

Object = dict[str, Any]


def namespace(stack: str, uid: str = "u-1") -> Object:
    return {
        "metadata": {"name": "shop", "uid": uid, "annotations": {"poscloud.io/stack": stack} if stack else {}}
    }


class Both:
    """Stands where kubectl and the engine stand; its backend keeps no files."""

    def __init__(self, live: Object, known: Object, folder: Path) -> None:
        self.live, self.known, self.exports = live, known, 0
        self.paths = ProjectPaths(folder)
        self.paths.owned.mkdir()

    target = Target(Path("/etc/it's/config"), "far", "https://far", "", local=False)

    def get(self, *_: str) -> Object:
        return self.live

    def quietly(self, *arguments: str) -> CompletedProcess[str]:
        self.exports += 1
        resources: list[Object] = [
            {"type": NAMESPACE_TYPE, "id": "another", "outputs": namespace("poscloud/shop", "u-9")},
            {"type": NAMESPACE_TYPE, "id": "shop", "outputs": self.known} if self.known else {"type": "a"},
        ]
        Path(arguments[-1]).write_text(json.dumps({"deployment": {"resources": resources}}))
        return CompletedProcess((), 0, "", "")


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "azblob://state")


def ask(both: Both) -> None:
    refuse_taken(cast(Pulumi, both), cast(Kubectl, both), "shop", "poscloud/shop")


@pytest.mark.parametrize(("stamp", "says"), [("billing/shop", "stack billing/shop"), ("", "no stack")])
def test_one_that_says_something_else_now_is_refused(tmp_path: Path, stamp: str, says: str) -> None:
    with pytest.raises(DeployError, match=f"says now that it belongs to {says}.*nothing was deleted"):
        ask(Both(namespace(stamp), namespace("poscloud/shop"), tmp_path))


def test_the_suggested_command_goes_to_the_stack_s_cluster(tmp_path: Path) -> None:
    with pytest.raises(DeployError) as caught:
        ask(Both(namespace("billing/shop"), namespace("poscloud/shop"), tmp_path))
    command = caught.value.hint.partition(": ")[2]
    assert shlex.split(command)[:3] == ["kubectl", "--kubeconfig=/etc/it's/config", "--context=far"]


@pytest.mark.parametrize(
    ("live", "known", "exports"),
    [
        (namespace("poscloud/shop"), namespace("poscloud/shop"), 0),
        ({}, namespace("poscloud/shop"), 0),
        (namespace("billing/shop", "u-2"), namespace("poscloud/shop"), 1),
        (namespace("before/shop"), namespace("before/shop"), 1),
        (namespace("billing/shop"), {}, 1),
    ],
    ids=["ours", "gone", "another one", "ours before the project was renamed", "never ours"],
)
def test_otherwise_the_engine_decides_and_the_state_is_read_only_if_need_be(
    tmp_path: Path, live: Object, known: Object, exports: int
) -> None:
    both = Both(live, known, tmp_path)
    ask(both)
    assert both.exports == exports
