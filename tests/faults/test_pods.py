"""Pods that cannot run: told with pod, container and reason, while the rest goes on."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.arena import DESCRIPTION, STACK, Arena, says

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")
STUCK = DESCRIPTION.replace("a: {kind: java,", "a: {kind: java, node_selector: {no: such-node},")
"""The pods of ``a`` get no node, so that nobody but the test writes their status."""


@contextmanager
def status_of_a(arena: Arena, state: dict[str, Any]) -> Iterator[None]:
    """Give each new pod of ``a`` this container status, as a kubelet would."""
    done = threading.Event()
    environment = arena.workspace.admin_environment()

    def work() -> None:
        seen: set[str] = set()
        while not done.wait(0.3):
            listing = ["kubectl", "-n", STACK, "get", "pods", "-l", "app=a", "-o", "json"]
            found = subprocess.run(listing, env=environment, capture_output=True, text=True, check=False)
            for pod in json.loads(found.stdout or '{"items": []}')["items"]:
                name = pod["metadata"]["name"]
                if name in seen:
                    continue
                seen.add(name)
                container = {
                    "name": "a",
                    "image": "x",
                    "imageID": "",
                    "ready": False,
                    "restartCount": 0,
                    **state,
                }
                scheduled = {"type": "PodScheduled", "status": "True"}
                status = {"status": {"containerStatuses": [container], "conditions": [scheduled]}}
                patch = [
                    "kubectl",
                    "-n",
                    STACK,
                    "patch",
                    "pod",
                    name,
                    "--subresource=status",
                    "--type=merge",
                    "-p",
                ]
                subprocess.run([*patch, json.dumps(status)], env=environment, check=True, capture_output=True)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.fault(10)
def test_an_image_that_cannot_be_pulled_is_named(present: Arena) -> None:
    present.describe(STUCK)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found in the registry"}}
    with status_of_a(present, {"state": waiting}):
        done = present.run(*UP, POSCLOUD_FAILURE_GRACE_SECONDS="2")
    assert done.code != 0
    assert done.seconds < 60
    says(done, "container a", "ImagePullBackOff", "not found in the registry")


@pytest.mark.fault(11)
def test_a_container_that_ends_again_and_again_is_told_with_its_exit_code(present: Arena) -> None:
    present.describe(STUCK)
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    state = {
        "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
        "lastState": ended,
    }
    with status_of_a(present, state):
        done = present.run(*UP, POSCLOUD_FAILURE_GRACE_SECONDS="2")
    assert done.code != 0
    assert done.seconds < 60
    says(done, "container a", "CrashLoopBackOff", "137", "OOMKilled")


@pytest.mark.fault(23)
def test_a_description_that_is_wrong_is_told_before_anything_is_asked(present: Arena) -> None:
    asked = len(present.proxy.seen)
    present.describe(DESCRIPTION.replace("uses: [redis]}", "uses: [rediss], port: 70000}"))
    done = present.run(*UP)
    assert done.code == 2
    assert len(present.proxy.seen) == asked
    says(done, f"stacks/{STACK}.yaml:5:", "did you mean 'redis'?", "65535")
