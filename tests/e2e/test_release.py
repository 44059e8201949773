"""Blue-green and canary by the real engine: the Service of a running release never loses its endpoints.

The tests of this module build on each other, in the order they stand.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "releases"
ROLLING = "{kind: java, version: v1, replicas: 3}"


class Endpoints:
    """Every state of a Service's ready endpoints while it is watched, as the versions of the pods behind them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.slices: dict[str, set[str]] = {}
        self.states: list[set[str]] = []
        self.images: dict[str, str] = {}

    def versions(self, state: set[str]) -> set[str]:
        return {self.images[pod] for pod in state}

    def seen(self) -> set[str]:
        """Return the versions that got requests at any time."""
        return set().union(*(self.versions(state) for state in self.states))

    def take(self, event: dict[str, Any]) -> None:
        endpoints = event["object"].get("endpoints") or []
        ready = {e["targetRef"]["name"] for e in endpoints if e["conditions"].get("ready")}
        self.slices[event["object"]["metadata"]["name"]] = ready if event["type"] != "DELETED" else set()
        self.states.append(set().union(*self.slices.values()))

    def remember_pods(self, event: dict[str, Any]) -> None:
        image = event["object"]["spec"]["containers"][0]["image"]
        self.images[event["object"]["metadata"]["name"]] = image.rsplit(":", 1)[1]


@contextmanager
def watched(workspace: Workspace) -> Iterator[Endpoints]:
    """Watch the endpoints of the service ``web`` while the context lasts."""
    found = Endpoints(workspace)
    environment = workspace.admin_environment()

    def follow(what: list[str], take: Any) -> tuple[subprocess.Popen[str], threading.Thread]:
        command = ["kubectl", "get", *what, "-n", STACK, "--watch", "--output-watch-events", "-o", "json"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, cwd=workspace.root
        )

        def read() -> None:
            text = ""
            for line in process.stdout or ():
                text += line
                with suppress(json.JSONDecodeError):  # not yet the whole event
                    take(json.loads(text))
                    text = ""

        thread = threading.Thread(target=read)
        thread.start()
        return process, thread

    watches = [
        follow(["pods"], found.remember_pods),
        follow(["endpointslices", "-l", "kubernetes.io/service-name=web"], found.take),
    ]
    try:
        yield found
    finally:
        for process, thread in watches:
            process.terminate()
            thread.join()
            process.wait()


class Release:
    """The service ``web``, as its stack's file says."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.file = workspace.root / "stacks" / f"{STACK}.yaml"

    def describe(self, web: str) -> None:
        self.file.write_text(f"pull_secret: null\nservices:\n  web: {web}\n")

    def up(self) -> Endpoints:
        with watched(self.workspace) as endpoints:
            self.workspace.ok("pulumi", "up", "--yes", "--skip-preview", "-s", STACK)
        assert endpoints.states, "nothing was watched"
        assert all(endpoints.states), "for a moment there was no endpoint"
        return endpoints

    def command(self, *words: str) -> str:
        return self.workspace.ok("poscloud", "release", *words, "-s", STACK, "web")

    def deployments(self) -> dict[str, tuple[str, int]]:
        """Return what runs: Deployment → version, ready pods."""
        found = self.workspace.get("deployments", "-n", STACK)["items"]
        return {
            d["metadata"]["name"]: (
                d["spec"]["template"]["spec"]["containers"][0]["image"].rsplit(":", 1)[1],
                d["status"].get("readyReplicas", 0),
            )
            for d in found
        }

    def uids(self) -> set[str]:
        return {p["metadata"]["uid"] for p in self.workspace.get("pods", "-n", STACK)["items"]}


@pytest.fixture(scope="module")
def release(workspace: Workspace) -> Iterator[Release]:
    found = Release(workspace)
    found.describe(ROLLING)
    workspace.ok("poscloud", "up", "-s", STACK)
    yield found
    workspace.run("poscloud", "destroy", "-s", STACK)


def test_a_rolling_service_becomes_blue_green_and_the_idle_version_gets_no_request(release: Release) -> None:
    release.describe("{kind: java, version: v1, replicas: 3, release: {strategy: blue-green, next: v2}}")
    preview = release.workspace.ok("pulumi", "preview", "-s", STACK)
    assert "blue-green, live v1 (blue), idle v2 (green)" in preview
    endpoints = release.up()
    assert endpoints.seen() == {"v1"}
    assert release.deployments() == {"web-blue": ("v1", 3), "web-green": ("v2", 3)}


def test_promoting_changes_the_selector_alone_and_promoting_again_goes_back(release: Release) -> None:
    pods = release.uids()
    for live, version in (("green", "v2"), ("blue", "v1")):
        release.command("promote")
        mark = release.workspace.audit_mark()
        endpoints = release.up()
        assert release.workspace.writes_since(mark) == ["patch services/web"]
        assert release.uids() == pods
        service = release.workspace.get("service", "web", "-n", STACK)
        assert service["spec"]["selector"] == {"app": "web", "poscloud.io/track": live}
        assert endpoints.versions(endpoints.states[-1]) == {version}
        assert len(endpoints.states[-1]) == 3


def test_a_promotion_to_pods_that_do_not_become_ready_does_not_touch_the_service(release: Release) -> None:
    release.command("abort")
    original = release.file.read_text()
    nowhere = "{spec: {progressDeadlineSeconds: 5, template: {spec: {nodeSelector: {no: such}}}}}"
    fields = "replicas: 3, release: {strategy: blue-green, live: green}"
    release.describe(f"{{kind: java, version: v9, {fields}, overrides: {{Deployment: {nowhere}}}}}")
    mark = release.workspace.audit_mark()
    with watched(release.workspace) as endpoints:
        done = release.workspace.run("pulumi", "up", "--yes", "--skip-preview", "-s", STACK)
    assert done.returncode != 0
    assert all(endpoints.states)
    assert endpoints.seen() == {"v1"}
    assert "services/web" not in " ".join(release.workspace.writes_since(mark))
    release.file.write_text(original)


def test_blue_green_becomes_rolling_again(release: Release) -> None:
    assert release.up().seen() == {"v1"}
    assert set(release.deployments()) == {"web-blue"}, "the idle colour was aborted"
    release.describe(ROLLING)
    assert release.up().seen() == {"v1"}
    assert release.deployments() == {"web": ("v1", 3)}


def test_a_canary_takes_its_share_and_the_live_pods_stay(release: Release) -> None:
    pods = release.uids()
    release.describe(
        "{kind: java, version: v1, replicas: 3, release: {strategy: canary, next: v2, weight: 20}}"
    )
    preview = release.workspace.ok("pulumi", "preview", "-s", STACK)
    assert "canary v2, 1 of 3 pods (33.3 %; 20 % asked for), live v1" in preview
    endpoints = release.up()
    assert min(len(state) for state in endpoints.states) == 3, "a pod was missing"
    assert release.deployments() == {"web": ("v1", 2), "web-canary": ("v2", 1)}
    assert len(release.uids() & pods) == 2


def test_an_aborted_canary_is_gone_and_a_promoted_one_is_everything(release: Release) -> None:
    canary = release.file.read_text()
    release.command("abort")
    release.up()
    assert release.deployments() == {"web": ("v1", 3)}
    release.file.write_text(canary)
    release.up()
    release.command("promote")
    release.up()
    assert release.deployments() == {"web": ("v2", 3)}
