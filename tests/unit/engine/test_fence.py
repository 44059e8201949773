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

Object = dict[str, Any]


def namespace(stack: str, uid: str = "u-1") -> Object:
    return {
        "metadata": {"name": "shop", "uid": uid, "annotations": {"poscloud.io/stack": stack} if stack else {}}
    }


class Both:
    """Stands where kubectl and the engine stand."""

    def __init__(self, live: Object, known: Object) -> None:
        self.live, self.known, self.exports = live, known, 0

    target = Target(Path("/etc/it's/config"), "far", "https://far", "", local=False)

    def get(self, *_: str) -> Object:
        return self.live

    def quietly(self, *_: str) -> CompletedProcess[str]:
        self.exports += 1
        state = {"deployment": {"resources": [{"type": NAMESPACE_TYPE, "outputs": self.known}]}}
        return CompletedProcess((), 0, json.dumps(state), "")


def ask(both: Both) -> None:
    refuse_taken(cast(Pulumi, both), cast(Kubectl, both), "shop", "poscloud/shop")


@pytest.mark.parametrize(("stamp", "says"), [("billing/shop", "stack billing/shop"), ("", "no stack")])
def test_one_that_says_something_else_now_is_refused(stamp: str, says: str) -> None:
    with pytest.raises(DeployError, match=f"says now that it belongs to {says}.*nothing was deleted"):
        ask(Both(namespace(stamp), namespace("poscloud/shop")))


def test_the_suggested_command_goes_to_the_stack_s_cluster() -> None:
    with pytest.raises(DeployError) as caught:
        ask(Both(namespace("billing/shop"), namespace("poscloud/shop")))
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
    live: Object, known: Object, exports: int
) -> None:
    both = Both(live, known)
    ask(both)
    assert both.exports == exports
