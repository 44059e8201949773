"""Before an environment is destroyed, what it leaves behind is archived; after it, what is left is counted.

The tests of this module build on each other, in the order they stand.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

STACK = "released"
DESCRIPTION = """\
archive: {folder: FOLDER}
backing: {redis: {}}
services: {a: {kind: java, env: {GREETING: hello}}}
"""
NEVER: dict[str, Any] = {
    "metadata": {"name": "never"},
    "spec": {"nodeSelector": {"no": "node"}, "containers": [{"name": "n", "image": "n:1"}]},
}
FOREIGN = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
ZERO = "0 objects, 0 PersistentVolumeClaims, 0 PersistentVolumes, 0 stack resources"
QUICK = {"POSCLOUD_DELETE_TIMEOUT_SECONDS": "4"}


def up(workspace: Workspace, folder: str) -> None:
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(DESCRIPTION.replace("FOLDER", folder))
    workspace.ok("poscloud", "up", "-s", STACK)


def apply(workspace: Workspace, kind: str, obj: dict[str, Any]) -> None:
    manifest = {"apiVersion": "v1", "kind": kind, **obj}
    done = workspace.run("kubectl", "create", "-n", STACK, "-f", "-", given=json.dumps(manifest))
    assert done.returncode == 0, done.stderr


def free(workspace: Workspace) -> None:
    patch = json.dumps({"metadata": {"finalizers": None}})
    workspace.run("kubectl", "patch", "configmap", "held", "-n", STACK, "--type=merge", "-p", patch)


def pods(workspace: Workspace) -> dict[str, str]:
    """Return the pods by name, with their uids."""
    return {p["metadata"]["name"]: p["metadata"]["uid"] for p in workspace.get("pods", "-n", STACK)["items"]}


@pytest.fixture(scope="module", autouse=True)
def deployed(workspace: Workspace) -> Iterator[None]:
    up(workspace, "kept")
    yield
    free(workspace)
    workspace.run("poscloud", "destroy", "--discard-logs", "-s", STACK)


@pytest.fixture(scope="module")
def archived(workspace: Workspace) -> Path:
    """The archive of an environment with a pod that has restarted, one that never started, and one that is held."""
    restarted = {"containerStatuses": [{
        "name": "redis", "ready": True, "started": True, "image": "r", "imageID": "docker.io/r@sha256:0123",
        "restartCount": 2, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
    }]}  # fmt: skip
    patch = json.dumps({"status": restarted})
    workspace.ok("kubectl", "patch", "pod", "redis-0", "-n", STACK, "--subresource=status", "-p", patch)
    apply(workspace, "Pod", NEVER)
    apply(workspace, "ConfigMap", FOREIGN)
    done = workspace.run("poscloud", "destroy", "-s", STACK, **QUICK)
    assert done.returncode == 3, done.stdout + done.stderr
    held = f"ConfigMap {STACK}/held (finalizer example.com/hold, "
    assert held in done.stderr
    assert "to be removed by the controller of example.com" in done.stderr
    assert f"then run again: poscloud destroy -s {STACK}" in done.stderr
    (archive,) = (workspace.root / "kept" / STACK).iterdir()
    return archive


def test_every_file_has_the_checksum_of_the_manifest(archived: Path) -> None:
    entries = {
        entry["name"]: entry for entry in json.loads((archived / "manifest.json").read_text())["files"]
    }
    files = {str(f.relative_to(archived)): f for f in archived.rglob("*") if f.is_file()}
    assert set(files) - {"manifest.json"} == set(entries)
    assert {"spec.yaml", "manifests.yaml", "images.json", "events.json", "objects/pods.json"} <= set(files)
    for name, entry in entries.items():
        assert entry["sha256"] == hashlib.sha256(files[name].read_bytes()).hexdigest(), name


def test_logs_are_there_or_the_reason_why_not(archived: Path) -> None:
    logs = {
        (log["pod"].split("-")[0], log["container"], log["run"]): log
        for log in json.loads((archived / "manifest.json").read_text())["logs"]
    }
    assert logs["never", "n", "current"]["reason"] == "no status; the pod is Pending"
    for key in (("redis", "redis", "current"), ("redis", "redis", "previous"), ("a", "a", "current")):
        assert b"This container is simulated" in gzip.decompress((archived / logs[key]["file"]).read_bytes())
    assert ("a", "a", "previous") not in logs


def test_images_by_their_digest_and_objects_without_secrets(archived: Path) -> None:
    images = {i["container"]: i["imageID"] for i in json.loads((archived / "images.json").read_text())}
    assert images["redis"] == "docker.io/r@sha256:0123"
    kinds = {p["kind"] for f in (archived / "objects").iterdir() for p in json.loads(f.read_text())["items"]}
    assert {"Pod", "Deployment", "StatefulSet", "Service"} <= kinds
    assert "kind: Secret" not in (archived / "manifests.yaml").read_text()
    assert "GREETING: hello" in (archived / "spec.yaml").read_text()
    events = json.loads((archived / "events.json").read_text())["items"]
    assert any(e["reason"] == "FailedScheduling" and e["involvedObject"]["name"] == "never" for e in events)


def test_only_their_owner_can_read_logs(archived: Path) -> None:
    assert {entry.stat().st_mode & 0o077 for entry in [archived, *archived.rglob("*")]} == {0}


def test_after_repair_destroy_goes_on_and_certifies(workspace: Workspace, archived: Path) -> None:
    free(workspace)
    done = workspace.run("poscloud", "destroy", "-s", STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"nothing is left of {STACK}: {ZERO}; logs: {archived} (" in done.stderr
    assert "checksums read back)" in done.stderr


def test_where_the_archive_cannot_be_written_nothing_is_deleted(workspace: Workspace) -> None:
    (workspace.root / "a-file").touch()
    up(workspace, "a-file")
    before, mark = pods(workspace), workspace.audit_mark()
    done = workspace.run("poscloud", "destroy", "--yes", "-s", STACK)
    assert done.returncode == 1
    assert "error: nothing was deleted: the archive cannot be written: " in done.stderr
    assert "a-file is no folder" in done.stderr
    assert "--discard-logs" in done.stderr
    assert pods(workspace) == before
    assert workspace.writes_since(mark) == []


def test_sweep_removes_nothing_that_has_pods_before_it_is_archived(workspace: Workspace) -> None:
    workspace.ok("kubectl", "create", "deployment", "left", "--image=l:1", "-n", STACK)
    workspace.ok(
        "kubectl", "annotate", "deployment", "left", f"poscloud.io/stack=poscloud/{STACK}", "-n", STACK
    )
    mark = workspace.audit_mark()
    done = workspace.run("poscloud", "sweep", "--yes", "-s", STACK)
    assert done.returncode == 1
    assert "error: nothing was deleted: the archive cannot be written: " in done.stderr
    assert workspace.writes_since(mark) == []
    done = workspace.run("poscloud", "sweep", "--yes", "--discard-logs", "-s", STACK)
    assert (done.returncode, done.stdout) == (0, f"removed  Deployment {STACK}/left\n")


def test_discarding_logs_is_the_way_past(workspace: Workspace) -> None:
    done = workspace.run("poscloud", "destroy", "--discard-logs", "-s", STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"nothing is left of {STACK}: {ZERO}; logs: discarded" in done.stderr


def test_what_is_gone_already_has_no_logs(workspace: Workspace) -> None:
    done = workspace.run("poscloud", "destroy", "-s", STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"nothing is left of {STACK}: {ZERO}; logs: none, there was no namespace" in done.stderr
