"""Pods that cannot run: told with pod, container and reason, while the rest goes on."""

from __future__ import annotations

import datetime
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.arena import DESCRIPTION, SECRET, STACK, Arena, shows
from tests.faults.proxy import PASS, Fault

pytestmark = pytest.mark.faults

UP = ("poscloud", "up", "--yes")
STUCK = DESCRIPTION.replace("a: {kind: java,", "a: {kind: java, node_selector: {no: such-node},")
"""The pods of ``a`` get no node, so that nobody but the test writes their status."""


def unhealthy(pod: dict[str, Any], message: str) -> dict[str, Any]:
    """Return a kubelet's event about a probe of the pod's container ``a``."""
    about = {"kind": "Pod", "namespace": STACK, "name": pod["name"], "uid": pod["uid"],
             "fieldPath": "spec.containers{a}"}  # fmt: skip
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "probe-", "namespace": STACK},
        "involvedObject": about, "type": "Warning", "reason": "Unhealthy", "message": message,
        "lastTimestamp": now, "firstTimestamp": now, "count": 1,
    }  # fmt: skip


@contextmanager
def status_of_a(arena: Arena, state: dict[str, Any], probe: str = "") -> Iterator[None]:
    """Give each new pod of ``a`` this container status and a failed probe's event, as a kubelet would."""
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
                if probe:
                    create = ["kubectl", "create", "-f", "-"]
                    event = json.dumps(unhealthy(pod["metadata"], probe)).encode()
                    subprocess.run(create, input=event, env=environment, check=True, capture_output=True)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.long
@pytest.mark.fault(10)
def test_an_image_that_cannot_be_pulled_is_named(present: Arena) -> None:
    present.describe(STUCK + "  c: java\n")
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found in the registry"}}
    with status_of_a(present, {"state": waiting}):
        done = present.run(*UP, POSCLOUD_FAILURE_GRACE_SECONDS="2")
    shows(done, "Deployment faults/a was updated, but it is not ready", "pod a-", "container a",
         "ImagePullBackOff (image x)", "not found in the registry", '"registry:" in the stack\'s file',
         within=25)  # fmt: skip
    assert present.workspace.get("deployment", "c", "-n", STACK)["status"]["readyReplicas"] == 1, (
        "others finish"
    )
    (a,) = [r for r in present.recorded()["resources"] if r["urn"].endswith("Deployment::a")]
    assert "not ready" in str(a["initErrors"])


LOG = "\n".join(
    ["line that is too old", *(f"line {n}" for n in range(1, 20)), f"cannot log in with {SECRET}"]
)


@pytest.mark.long
@pytest.mark.fault(11)
def test_a_container_that_ends_again_and_again_is_told_with_its_last_words(present: Arena) -> None:
    present.describe(STUCK)
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    state = {
        "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
        "lastState": ended,
    }
    # A kubelet without containers has no log; the proxy answers for it.
    log = Fault(status=200, text=LOG)
    present.inject(lambda request: log if "/log?container=a" in request.path else PASS)
    with status_of_a(present, state, probe="Liveness probe failed: connection refused"):
        done = present.run(*UP, POSCLOUD_FAILURE_GRACE_SECONDS="2")
    shows(done, "container a", "CrashLoopBackOff", "last exit code 137 (OOMKilled)", "7 restarts",
         "Liveness probe failed: connection refused", "line 1", "cannot log in with [secret]",
         within=25, forbidden=["too old"])  # fmt: skip


@pytest.mark.long
@pytest.mark.fault(11)
def test_a_probe_that_goes_on_failing_is_told(present: Arena) -> None:
    present.describe(STUCK)
    with status_of_a(present, {"state": {"running": {}}}, probe="Readiness probe failed: HTTP 503"):
        done = present.run(*UP, POSCLOUD_FAILURE_GRACE_SECONDS="1")
    shows(done, "container a runs, but Readiness probe failed: HTTP 503", within=25)


def other(place: str) -> str:
    """The environment with ``a`` changed so that no node takes it."""
    return DESCRIPTION.replace("a: {kind: java, uses: [redis]}", f"a: {{kind: java, {place}}}")


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        pytest.param(
            other("resources: {requests: {cpu: '64'}, limits: {cpu: '64'}}"),
            ["Deployment faults/a", "Insufficient cpu", "It requests: a cpu=64."],
            id="too large",
        ),
        pytest.param(
            other("node_selector: {disk: none-such}"),
            [
                "Deployment faults/a",
                "didn't match Pod's node affinity/selector",
                "Its nodeSelector: disk=none-such.",
            ],
            id="no such node",
            marks=pytest.mark.long,
        ),
        pytest.param(
            DESCRIPTION.replace(
                "mongo: {}", "mongo: {}, zookeeper: {storage: {size: 1Gi, storage_class: none-such}}"
            ),
            [
                "StatefulSet faults/zookeeper",
                "cannot be scheduled",
                'storageclass.storage.k8s.io "none-such" not found',
            ],
            id="no such StorageClass",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_pod_that_no_node_takes_is_told_with_the_scheduler_s_words(
    present: Arena, text: str, phrases: list[str]
) -> None:
    present.describe(text)
    done = present.run(*UP, POSCLOUD_FAILURE_GRACE_SECONDS="2")
    shows(done, *phrases, within=25)
