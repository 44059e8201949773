"""A janitor's CronJob as it is in the cluster: its containers' commands, run as its service account.

Nothing runs in the simulated pods, so the commands are run here, in a folder that stands for the pod's volumes, with
the variables that the CronJob gives them and a token of its service account. The tests build on each other.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from poscloud.local import access
from poscloud.local.paths import cache_root
from poscloud.render.janitor import ACCOUNT_PATH, ARCHIVE_PATH
from poscloud.render.names import LEDGER
from tests.faults.processes import descendants, role
from tests.unit.test_janitor import RIGHT, WRONG
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

ORIGINAL, HOME = "till", "caretaker"
ACCOUNT = f"system:serviceaccount:{HOME}:janitor"
DESCRIPTION = """\
pull_secret: null
secrets: {state: [url, passphrase]}
services:
  janitor:
    kind: janitor
    image: ci/poscloud:1
    git: {repository: "https://git.example.com/pay/env.git", revision: main}
    context: office
    backend: {secret: state, key: url}
    passphrase: {secret: state, key: passphrase}
    archive: {claim: archive}
    suspend: true
"""
KILLED = """
import os, sys
from pathlib import Path
from poscloud.engine.environments import removal
from poscloud.local.progress import ConsoleReporter

removal.forget = lambda *_: os._exit(137)
removal.destroy(Path.cwd(), sys.argv[1], ConsoleReporter(), yes=True)
"""

Done = subprocess.CompletedProcess[str]


class Office:
    """A project whose stacks go to the running cluster by a context, a repository of it, and a janitor.

    Args:
        workspace: Has the cluster.
        folder: An empty one.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace, self.folder = workspace, folder
        self.config = json.loads(workspace.paths.kubeconfig.read_text())
        self.config["contexts"][0]["name"] = self.config["current-context"] = "office"
        (folder / "config").write_text(json.dumps(self.config))
        for stack, text in ((ORIGINAL, "pull_secret: null\nservices: {pay: java}\n"), (HOME, DESCRIPTION)):
            (workspace.root / "stacks" / f"{stack}.yaml").write_text(text)
            (workspace.root / f"Pulumi.{stack}.yaml").write_text("config:\n  poscloud:context: office\n")

    def ok(self, *command: str, given: str | None = None) -> Done:
        done = self.run(*command, given=given)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def run(self, *command: str, given: str | None = None) -> Done:
        user = str(self.folder / "config")
        return self.workspace.run(*command, given=given, POSCLOUD_USER_KUBECONFIG=user)

    def bring_up(self) -> None:
        values = {
            "url": self.workspace.paths.state_url,
            "passphrase": self.workspace.paths.passphrase.read_text(),
        }
        self.ok("poscloud", "up", "--yes", "-s", ORIGINAL)
        self.ok("pulumi", "stack", "select", "--create", HOME)
        for key, value in values.items():
            self.ok("pulumi", "config", "set", "--secret", f"poscloud:state.{key}", "-s", HOME, given=value)
        self.ok("poscloud", "up", "--yes", "-s", HOME)
        self.commit()

    def copy(self, name: str) -> None:
        """Make a copy whose time is up in a minute, as a job does whose clone is gone afterwards."""
        self.ok(*f"poscloud env create {name} --from {ORIGINAL} --ttl 1m --owner li".split())

    def forget(self, name: str) -> None:
        for file in (f"stacks/{name}.yaml", f"Pulumi.{name}.yaml"):
            (self.workspace.root / file).unlink(missing_ok=True)

    def wait_until_over(self, name: str) -> None:
        deadline = time.monotonic() + 90
        while f"over  {name} " not in self.run("poscloud", "env", "sweep").stdout:
            assert time.monotonic() < deadline

    def commit(self) -> None:
        """Put the project, as the main branch has it, into a bare repository."""
        tree = self.folder / "tree"
        git("init", "--quiet", "--bare", "--initial-branch=main", str(self.folder / "env.git"))
        git("init", "--quiet", "--initial-branch=main", str(tree))
        for file in ("Pulumi.yaml", "__main__.py", *(f"Pulumi.{s}.yaml" for s in (ORIGINAL, HOME))):
            (tree / file).write_text((self.workspace.root / file).read_text())
        (tree / "stacks").mkdir()
        for stack in (ORIGINAL, HOME):
            text = (self.workspace.root / "stacks" / f"{stack}.yaml").read_text()
            (tree / "stacks" / f"{stack}.yaml").write_text(text)
        git("-C", str(tree), "add", ".")
        who = ("-c", "user.name=li", "-c", "user.email=li@example.com")
        git("-C", str(tree), *who, "commit", "--quiet", "--message=All there is")
        git("-C", str(tree), "push", "--quiet", str(self.folder / "env.git"), "main")

    def sweep(self, **more: str) -> Done:
        """Run the containers of the CronJob, one after the other, in a new pod; return how the last one ended."""
        pod, sweep = self.fetched(more)
        away = (self.folder / "config").rename(self.folder / "away")  # as on any other machine
        try:
            done = pod.run(sweep)
        finally:
            away.rename(self.folder / "config")
        assert not (pod.volume("/data/program") / ".cache").exists(), "it did not use the image's toolchain"
        return done

    def fetched(self, more: dict[str, str]) -> tuple[Pod, dict[str, Any]]:
        """Return a new pod that has fetched the project, and the container that is next."""
        pod = Pod(self, more)
        template = self.cron_job()["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        (fetch,), (sweep,) = template["initContainers"], template["containers"]
        done = pod.run(fetch, REPOSITORY=str(self.folder / "env.git"))
        assert done.returncode == 0, done.stderr
        return pod, sweep

    def cron_job(self) -> dict[str, Any]:
        return self.workspace.get("cronjob", "janitor", "-n", HOME)


class Pod:
    """What the kubelet would give to the janitor's containers; all but the archive is new.

    Args:
        office: Where the janitor is.
        more: Further variables.
    """

    def __init__(self, office: Office, more: dict[str, str]) -> None:
        self.office = office
        self.folder = office.folder / f"pod-{time.monotonic_ns()}"
        self.places = {
            path: self.folder / path.strip("/").replace("/", "-") for path in ("/data/program", ACCOUNT_PATH)
        }
        self.places |= {"/etc/poscloud": self.folder / "config", ARCHIVE_PATH: office.folder / "archive"}
        for folder in self.places.values():
            folder.mkdir(parents=True, exist_ok=True)
        workspace, cluster = office.workspace, office.config["clusters"][0]["cluster"]
        account = self.volume(ACCOUNT_PATH)
        (account / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        (account / "token").write_text(
            workspace.ok("kubectl", "create", "token", "janitor", "-n", HOME).strip()
        )
        for name, text in workspace.get("configmap", "janitor-config", "-n", HOME)["data"].items():
            (self.volume("/etc/poscloud") / name).write_text(self.here(text))
        server = urlsplit(str(cluster["server"]))
        self.given = {
            "PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}",
            "POSCLOUD_CACHE": str(cache_root()),  # as the image has it
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
            **more,
        }

    def volume(self, path: str) -> Path:
        return self.places[path]

    def here(self, text: str) -> str:
        for path, folder in self.places.items():
            text = text.replace(path, str(folder))
        return text

    def run(self, container: dict[str, Any], **instead: str) -> Done:
        with self.start(container, **instead) as process:
            out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, container: dict[str, Any], **instead: str) -> subprocess.Popen[str]:
        env = {entry["name"]: self.value(entry) for entry in container["env"]} | instead
        command = [self.here(word) for word in container["command"]]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd="/", env=self.given | env, stdout=pipe, stderr=pipe, text=True)

    def value(self, entry: dict[str, Any]) -> str:
        if "value" in entry:
            return self.here(entry["value"])
        source = entry["valueFrom"]
        if "fieldRef" in source:
            return "as-the-kubelet-says"
        ref = source["secretKeyRef"]
        data = self.office.workspace.get("secret", ref["name"], "-n", HOME)["data"]
        return base64.b64decode(data[ref["key"]]).decode()


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def office(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    found = Office(workspace, tmp_path_factory.mktemp("office"))
    try:
        found.bring_up()
        found.copy("till-a")
        found.forget("till-a")
        yield found
    finally:
        for name in ("till-a", "till-b"):
            found.run("poscloud", "env", "destroy", name, "--yes", "--discard-logs")
        for stack in (HOME, ORIGINAL):
            found.run("poscloud", "destroy", "--yes", "-s", stack)


def test_the_cron_job_makes_pods_under_the_restricted_standard(workspace: Workspace, office: Office) -> None:
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    workspace.ok("kubectl", "label", "namespace", HOME, restricted)
    workspace.ok("kubectl", "create", "job", "once", "--from=cronjob/janitor", "-n", HOME)
    workspace.ok("kubectl", "wait", "--for=create", "pod", "-l", "job-name=once", "-n", HOME, "--timeout=60s")
    (pod,) = workspace.get("pods", "-l", "job-name=once", "-n", HOME)["items"]
    assert pod["spec"]["serviceAccountName"] == "janitor"
    workspace.ok("kubectl", "delete", "job", "once", "-n", HOME)


@pytest.mark.long
def test_a_copy_whose_time_is_up_is_archived_and_removed(workspace: Workspace, office: Office) -> None:
    office.wait_until_over("till-a")
    done = office.sweep()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exit status" not in done.stdout  # of anything that the engine starts
    assert done.stdout.splitlines()[-1].startswith("removed  till-a  (its time was up ")
    spaces = workspace.ok("kubectl", "get", "namespaces", "-o", "name").split()
    assert {f"namespace/{ORIGINAL}", f"namespace/{HOME}"} <= set(spaces)
    assert "namespace/till-a" not in spaces
    assert "till-a" not in workspace.ok("pulumi", "stack", "ls")
    (manifest,) = (office.folder / "archive" / "till-a").glob("*/manifest.json")
    assert {log["pod"].partition("-")[0] for log in json.loads(manifest.read_text())["logs"]} == {"pay"}


@pytest.mark.long
def test_the_second_run_does_nothing(workspace: Workspace, office: Office) -> None:
    mark = workspace.audit_mark()
    done = office.sweep()
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert [e for e in workspace.requests_since(mark, ACCOUNT) if e["verb"] not in ("get", "list")] == []


def test_a_change_by_hand_that_is_over_is_put_back(workspace: Workspace, office: Office) -> None:
    command = (
        "poscloud",
        "scale",
        "pay",
        "3",
        "-s",
        ORIGINAL,
        "--for",
        "1h",
        "--reason",
        "load test",
        "--yes",
    )
    office.ok(*command)
    ledger = ("configmap", LEDGER, "-n", ORIGINAL)
    ((key, text),) = workspace.get(*ledger)["data"].items()
    over = json.dumps({"data": {key: json.dumps(json.loads(text) | {"until": "2026-01-01T00:00:00Z"})}})
    workspace.ok("kubectl", "patch", *ledger, "--type=merge", "-p", over)
    done = office.sweep()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Deployment pay: spec.replicas 3 → 1, as the stack says" in done.stdout
    assert workspace.get("deployment", "pay", "-n", ORIGINAL)["spec"]["replicas"] == 1
    assert not workspace.get(*ledger).get("data")


@pytest.mark.long
def test_what_cannot_be_deleted_fails_and_is_tried_again(workspace: Workspace, office: Office) -> None:
    office.copy("till-b")
    office.forget("till-b")
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "finalizers": ["example.com/hold"]},
    }
    workspace.run("kubectl", "create", "-n", "till-b", "-f", "-", given=json.dumps(held))
    office.wait_until_over("till-b")
    done = office.sweep(POSCLOUD_DELETE_TIMEOUT_SECONDS="8")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("failed  till-b  (its time was up ")
    assert "ConfigMap till-b/held (finalizer example.com/hold" in done.stderr
    stop_in_the_middle(office)
    patch = json.dumps({"metadata": {"finalizers": None}})
    workspace.ok("kubectl", "patch", "configmap", "held", "-n", "till-b", "--type=merge", "-p", patch)
    workspace.ok("kubectl", "wait", "--for=delete", "namespace/till-b", "--timeout=60s")
    again = office.sweep()
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.splitlines()[-1] == "removed  till-b  (its namespace is gone, and its stack is not)"
    assert "till-b" not in workspace.ok("pulumi", "stack", "ls")


def stop_in_the_middle(office: Office) -> None:
    """End a sweep as the kubelet does, while it waits for what cannot be deleted; it has to unlock the stack."""
    locks = office.workspace.paths.state / ".pulumi" / "locks" / "organization" / "poscloud" / "till-b"
    pod, sweep = office.fetched({})
    with pod.start(sweep) as process:
        deadline = time.monotonic() + 120
        # With its provider the engine has begun; before, it ends at a signal as any other program.
        while not (list(locks.glob("*.json")) and "provider" in map(role, descendants(process.pid))):
            assert process.poll() is None and time.monotonic() < deadline, "the engine has not begun"
        process.terminate()
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert not list(locks.glob("*.json"))


@pytest.mark.long
def test_a_release_that_was_killed_at_its_end_is_finished(workspace: Workspace, office: Office) -> None:
    office.copy("till-a")
    killed = office.run(sys.executable, "-c", KILLED, "till-a")
    assert killed.returncode == 137, killed.stderr
    office.forget("till-a")
    assert "till-a" in workspace.ok("pulumi", "stack", "ls")
    done = office.sweep()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "removed  till-a  (its namespace is gone, and its stack is not)"
    assert "till-a" not in workspace.ok("pulumi", "stack", "ls")


@pytest.mark.long
def test_it_asks_for_its_rights_and_for_nothing_else_but_the_lists_of_secrets(
    workspace: Workspace, office: Office
) -> None:
    asked: dict[str, set[tuple[str, str]]] = {"allow": set(), "forbid": set()}
    for event in workspace.requests_since(0, ACCOUNT):
        if ref := event.get("objectRef"):
            what = "/".join(filter(None, (ref["resource"], ref.get("subresource"))))
            decision = event.get("annotations", {}).get("authorization.k8s.io/decision")
            asked.setdefault(decision, set()).add((event["verb"], what))
    assert asked["forbid"] == {("list", "secrets")}
    (role,) = (role for role in access.roles() if role["metadata"]["name"] == access.JANITOR)
    given = {(v, r) for rule in role["rules"] for r in rule["resources"] for v in rule["verbs"]}
    # get: what a killed run's state has. patch: sleep and wake of StatefulSets. Neither happens here.
    assert {(v, r) for v, r in given - asked["allow"] if v not in ("get", "patch")} == set()


@pytest.mark.long
def test_a_right_that_is_missing_is_named(workspace: Workspace, office: Office) -> None:
    workspace.ok("kubectl", "delete", "clusterrolebinding", f"{HOME}.janitor")
    done = office.sweep()
    assert done.returncode == 3
    error = done.stderr[done.stderr.index("\nerror: ") :]
    assert f'User "{ACCOUNT}" cannot list resource "namespaces"' in error
    assert "which rights poscloud needs: poscloud access" in error
    office.ok("poscloud", "up", "--yes", "--refresh", "-s", HOME)
    assert office.sweep().returncode == 0


def test_the_api_server_takes_the_same_schedules(workspace: Workspace, office: Office) -> None:
    live = office.cron_job()
    found = {}
    for number, line in enumerate((*RIGHT, *WRONG)):
        job = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": f"s{number}", "namespace": HOME},
        }
        job["spec"] = live["spec"] | {"schedule": line}
        create = ("kubectl", "create", "--dry-run=server", "-f", "-")
        found[line] = workspace.run(*create, given=json.dumps(job)).returncode == 0
    assert found == {**dict.fromkeys(RIGHT, True), **dict.fromkeys(WRONG, False)}


def test_of_a_destroyed_janitor_no_right_is_left(workspace: Workspace, office: Office) -> None:
    done = office.ok("poscloud", "destroy", "--yes", "-s", HOME)
    assert f"nothing is left of {HOME}: 0 objects" in done.stderr
    assert f"{HOME}.janitor" not in workspace.ok("kubectl", "get", "clusterrolebindings")
