"""Another version of services by hand, with the real engine and API server: recorded, told apart, and put back.

The tests of this module build on each other, in the order they stand.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "pushed"
EVERYTHING = """\
defaults:
  java: {{anti_affinity: none, replicas: 1}}
services:
  api: java
  geo: {{kind: java, overrides: {{Deployment: {{spec: {{minReadySeconds: 4}}}}}}}}
  pay: {{kind: java, version: "1", jar: {{url: "{store}/{{service}}/{{version}}/{{service}}.jar", jdk: "jdk:17"}}}}
  auto: {{kind: java, autoscale: {{min: 1, max: 3}}}}
  fixed: {{kind: java, image: "some/image:7"}}
  web: {{kind: java, replicas: 2, release: {{strategy: canary, next: v2}}}}
  eureka: {{kind: java, eureka: eureka}}
"""
LATER = f"""
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poscloud.engine.drift.command import Wanted, look
from poscloud.local.progress import ConsoleReporter

later = datetime.now(UTC) + timedelta(hours=3)
look(Path.cwd(), "{STACK}", Wanted(revert_due=True), ConsoleReporter(), print, later)
"""
METADATA = """<metadata><versioning><release>3</release>
<versions><version>1</version><version>2</version><version>3</version></versions></versioning></metadata>"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Jars of ``pay`` as Maven keeps them; that of version 3 has no checksum yet, so the latest complete one is 2."""
    folder = tmp_path_factory.mktemp("store")
    for version in ("1", "2", "3"):
        jar = folder / "pay" / version / "pay.jar"
        jar.parent.mkdir(parents=True)
        jar.write_bytes(version.encode())
        if version != "3":
            Path(f"{jar}.sha256").write_text(hashlib.sha256(version.encode()).hexdigest())
    (folder / "pay" / "maven-metadata.xml").write_text(METADATA)
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and writes no log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


@pytest.fixture(scope="module", autouse=True)
def pushed(workspace: Workspace, store: str) -> Iterator[None]:
    describe(workspace, store)
    workspace.ok("poscloud", "up", "-s", STACK)
    yield
    workspace.ok("poscloud", "destroy", "-s", STACK)


def describe(workspace: Workspace, store: str, old: str = "", new: str = "") -> None:
    text = EVERYTHING.format(store=store).replace(old, new) if old else EVERYTHING.format(store=store)
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(text)


def push(workspace: Workspace, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return workspace.run("poscloud", "push-jar", "-s", STACK, "--reason", "try the fix", *words, **variables)


def pushed_ok(workspace: Workspace, *words: str) -> str:
    done = push(workspace, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def drift(workspace: Workspace, *options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code, and ``Kind/name`` → field → what is told of it."""
    done = workspace.run("poscloud", "drift", "-s", STACK, "--json", *options)
    assert done.stdout, done.stderr
    objects = [o for component in json.loads(done.stdout)["components"] for o in component["objects"]]
    return done.returncode, {
        f"{o['kind']}/{o['name']}": {f["field"]: f for f in o["fields"]} for o in objects
    }


def image(workspace: Workspace, name: str = "api", kind: str = "deployment") -> str:
    pod = workspace.get(kind, name, "-n", STACK)["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"]).rpartition(":")[2]


def jar_version(workspace: Workspace) -> str:
    pod = workspace.get("deployment", "pay", "-n", STACK)["spec"]["template"]["spec"]
    return {v["name"]: v["value"] for v in pod["initContainers"][0]["env"]}["JAR_VERSION"]


@contextmanager
def crashing(workspace: Workspace, app: str, tag: str) -> Iterator[None]:
    """Give each pod of ``app`` with that tag the status of one whose container crashes, as a kubelet would."""
    done = threading.Event()
    environment = workspace.admin_environment()
    listing = ["kubectl", "-n", STACK, "get", "pods", "-l", f"app={app}", "-o", "json"]
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
    container = {"name": app, "image": "x", "imageID": "", "ready": False, "restartCount": 6, "state": state}
    unready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    status = json.dumps({"status": {"containerStatuses": [container], "conditions": unready}})

    def work() -> None:
        seen: set[str] = set()
        while not done.wait(0.1):
            found = subprocess.run(listing, env=environment, capture_output=True, text=True, check=False)
            for pod in json.loads(found.stdout or '{"items": []}')["items"]:
                name = pod["metadata"]["name"]
                running = pod["status"].get("phase") == "Running"
                if name in seen or not running or not pod["spec"]["containers"][0]["image"].endswith(tag):
                    continue
                seen.add(name)
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
                subprocess.run([*patch, status], env=environment, check=True, capture_output=True)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_all_fields_of_a_version_are_recorded_and_go_back(workspace: Workspace) -> None:
    told = pushed_ok(workspace, "pay", "--for", "2h")  # the latest complete one
    assert "Deployment pay: push-jar, version 1 → 2 by " in told
    code, found = drift(workspace)
    fields = found["Deployment/pay"]
    env = "spec.template.spec.initContainers[name=fetch-jar].env[name=JAR_{}].value"
    assert (code, list(found)) == (0, ["Deployment/pay"])
    assert set(fields) == {env.format("URL"), env.format("VERSION")}
    assert all(field["recorded"]["why"] == "try the fix" for field in fields.values())
    told = workspace.ok("poscloud", "rollback", "pay", "-s", STACK)
    assert told == "Deployment pay has version 1, as the stack says\n"
    assert (jar_version(workspace), drift(workspace)) == ("1", (0, {}))


@pytest.mark.long
def test_the_first_that_does_not_become_ready_ends_it(workspace: Workspace) -> None:
    with crashing(workspace, "geo", "v2"):
        done = push(workspace, "v2", "api", "geo", "auto", "--for", "2h", POSCLOUD_FAILURE_GRACE_SECONDS="1")
    assert done.returncode == 9, done.stdout + done.stderr
    assert "error: geo: Deployment geo: push-jar, version v1 → v2" in done.stderr
    assert "CrashLoopBackOff" in done.stderr
    assert "its last lines" in done.stderr and "This container is simulated" in done.stderr
    assert f"back to what the stack says: poscloud rollback geo -s {STACK}" in done.stderr
    assert "done before, and recorded: api" in done.stderr
    assert "not changed: auto" in done.stderr
    assert [image(workspace, name) for name in ("api", "geo", "auto")] == ["v2", "v2", "v1"]
    code, found = drift(workspace)
    assert (code, set(found)) == (0, {"Deployment/api", "Deployment/geo"})
    workspace.ok("poscloud", "rollback", "geo", "-s", STACK)
    assert (image(workspace, "geo"), set(drift(workspace)[1])) == ("v1", {"Deployment/api"})


@pytest.mark.long
def test_an_image_that_somebody_else_sets_is_told_apart(workspace: Workspace) -> None:
    workspace.ok("kubectl", "-n", STACK, "set", "image", "deployment/geo", "geo=evil:1")
    code, found = drift(workspace)
    field = "spec.template.spec.containers[name={}].image"
    assert code == 1
    assert found["Deployment/geo"][field.format("geo")]["recorded"] is None
    assert found["Deployment/api"][field.format("api")]["recorded"]["versions"] == ["v1", "v2"]
    done = workspace.run("poscloud", "drift", "-s", STACK, "--revert")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (image(workspace), image(workspace, "geo")) == ("v2", "v1")


@pytest.mark.long
def test_an_up_of_something_else_leaves_it_and_a_refresh_does_too(workspace: Workspace, store: str) -> None:
    describe(workspace, store, "api: java", "api: {kind: java, log_space: 3Gi}")
    done = workspace.run("poscloud", "up", "-s", STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "by hand: Deployment api: push-jar, version v1 → v2 by " in done.stderr
    assert image(workspace) == "v2"
    workspace.ok("poscloud", "up", "-s", STACK, "--refresh")
    assert image(workspace) == "v2"
    assert drift(workspace)[0] == 0


@pytest.mark.long
def test_it_is_put_back_when_its_time_is_over(workspace: Workspace) -> None:
    assert workspace.run("poscloud", "drift", "-s", STACK, "--revert-due").returncode == 0
    assert image(workspace) == "v2"
    told = workspace.ok(sys.executable, "-c", LATER)
    assert "Deployment api: version v2 → v1, as the stack says; over is: try the fix" in told
    assert (image(workspace), drift(workspace)) == ("v1", (0, {}))


@pytest.mark.long
def test_without_an_end_it_stays_until_the_next_up(workspace: Workspace) -> None:
    pushed_ok(workspace, "v3", "api", "eureka", "auto")
    assert image(workspace, "eureka", "statefulset") == "v3"
    done = workspace.run("poscloud", "up", "-s", STACK)
    assert "Deployment api: version v3 → v1, as the stack says" in done.stderr
    assert [image(workspace), image(workspace, "eureka", "statefulset")] == ["v1", "v1"]
    assert drift(workspace) == (0, {})


@pytest.mark.long
def test_an_up_that_gives_the_version_itself_ends_the_record(workspace: Workspace, store: str) -> None:
    pushed_ok(workspace, "v4", "api", "--for", "2h")
    describe(workspace, store, "api: java", "api: {kind: java, log_space: 3Gi, version: v5}")
    done = workspace.run("poscloud", "up", "-s", STACK)
    assert "Deployment api: the stack says another version now than v4; the record ends" in done.stderr
    assert (image(workspace), drift(workspace)) == ("v5", (0, {}))


@pytest.mark.long
def test_a_service_has_a_history(workspace: Workspace) -> None:
    found = json.loads(workspace.ok("poscloud", "history", "api", "-s", STACK, "--json"))["versions"]
    assert [each["version"] for each in found][:2] == ["v5", "v4"]
    who = {each["version"]: (each["why"], each["now"]) for each in found}
    assert (who["v4"], who["v5"]) == (("try the fix", False), ("", True))
    assert next(each["who"] for each in found if each["version"] == "v5") == "poscloud up"
    shown = workspace.ok("poscloud", "history", "eureka", "-s", STACK)
    assert "v3" in shown and "try the fix" in shown


@pytest.mark.long
def test_a_rollback_without_a_push_goes_to_the_version_before(workspace: Workspace) -> None:
    told = workspace.ok("poscloud", "rollback", "eureka", "-s", STACK, "--reason", "back")
    assert "StatefulSet eureka: rollback, version v1 → v3" in told
    assert image(workspace, "eureka", "statefulset") == "v3"
    workspace.ok("poscloud", "rollback", "eureka", "-s", STACK)
    assert image(workspace, "eureka", "statefulset") == "v1"


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["v2", "goe"], "has no service 'goe'\n  did you mean 'geo'?"),
        (["goe"], "'goe' is no service of pushed\n  did you mean 'geo'?"),
        (["v2", "fixed"], "'fixed' of pushed has no version to push: its `image` is given as a whole"),
        (["v:2", "api"], "no version: 'v:2' cannot be an image's tag"),
        (["v3", "web"], "'web' of pushed is in a canary release: a second version runs beside v1"),
        (["api"], "which version of 'api' is the latest, only a store of jars says"),
        (["9", "pay"], "version '9' of pay does not exist"),
        (["v2", "api", "--for", "soon"], "--for: 'soon' is no duration"),
    ],
)
def test_what_cannot_be_pushed_is_refused(workspace: Workspace, words: list[str], told: str) -> None:
    mark = workspace.audit_mark()
    done = push(workspace, *words)
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    assert workspace.writes_since(mark) == []


@pytest.mark.long
def test_what_sleeps_is_refused(workspace: Workspace) -> None:
    workspace.ok("kubectl", "annotate", "namespace", STACK, "poscloud.io/asleep=2026-11-22T10:00:00Z")
    try:
        done = push(workspace, "v2", "geo")
        assert (done.returncode, "Deployment geo sleeps" in done.stderr) == (4, True), done.stderr
    finally:
        workspace.ok("kubectl", "annotate", "namespace", STACK, "poscloud.io/asleep-")
