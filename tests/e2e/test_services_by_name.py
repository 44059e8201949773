"""Services by name, from the command line, with the real engine and API server: apply, create, delete, all of them.

The tests of this module build on each other, in the order they stand.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poscloud.engine import unrecorded
from tests.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.long]

STACK = "named"
DESCRIPTION = """\
pull_secret: null
defaults:
  java: {anti_affinity: none, replicas: 1}
backing:
  redis: {}
services:
  api: {kind: java, version: "{api}", uses: [redis]}
  geo: {kind: java, version: "{geo}"}
  web: {kind: java, version: "{web}", uses: [api]}
"""


@pytest.fixture(scope="module", autouse=True)
def named(workspace: Workspace) -> Iterator[None]:
    describe(workspace)
    yield
    if STACK in [each["metadata"]["name"] for each in workspace.get("namespaces")["items"]]:
        workspace.ok("poscloud", "destroy", "-s", STACK)


def describe(workspace: Workspace, api: str = "1", geo: str = "1", web: str = "1", more: str = "") -> None:
    text = DESCRIPTION
    for name, version in {"api": api, "geo": geo, "web": web}.items():
        text = text.replace(f"{{{name}}}", version)
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(text + more)


def run(workspace: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    return workspace.run("poscloud", words[0], "-s", STACK, *words[1:])


def data(workspace: Workspace, *words: str) -> dict[str, Any]:
    done = run(workspace, *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def running(workspace: Workspace) -> dict[str, str]:
    """Return workload → version of its image."""
    found = workspace.get("deployments,statefulsets", "-n", STACK)["items"]
    return {w["metadata"]["name"]: version(w) for w in found}


def version(workload: dict[str, Any]) -> str:
    return str(workload["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]


def state(workspace: Workspace) -> list[dict[str, Any]]:
    exported = json.loads(workspace.ok("pulumi", "stack", "export", "-s", STACK))
    return list(exported["deployment"]["resources"])


def parts(workspace: Workspace) -> set[str]:
    """Return the services and backing services that the engine's state has."""
    return {
        r["urn"].rpartition("::")[2]
        for r in state(workspace)
        if r["type"].startswith("poscloud:") and not r["type"].endswith("Environment")
    }


def uids(workspace: Workspace) -> dict[str, str]:
    found = workspace.get("all,configmaps,secrets,persistentvolumeclaims", "-n", STACK)["items"]
    return {f"{o['kind']}/{o['metadata']['name']}": o["metadata"]["uid"] for o in found}


def nothing_to_do(workspace: Workspace) -> None:
    """The state is as true as after an up: the engine finds nothing that differs, and nothing changed by itself."""
    preview = workspace.run("pulumi", "preview", "-s", STACK, "--expect-no-changes", "--refresh")
    assert preview.returncode == 0, preview.stdout
    assert workspace.run("poscloud", "drift", "-s", STACK).returncode == 0


def test_one_service_in_an_empty_environment_with_what_it_needs(workspace: Workspace) -> None:
    done = data(workspace, "create", "api")
    assert (done["services"], done["needed"], done["unchanged"]) == (["api", "redis"], ["redis"], [])
    assert running(workspace).keys() == {"api", "redis"}
    assert parts(workspace) == {"api", "redis"}
    outputs = json.loads(workspace.ok("pulumi", "stack", "output", "--json", "-s", STACK))
    assert outputs["services"].keys() == {"api"}


def test_what_is_there_is_not_made_again_and_a_wrong_name_is_told(workspace: Workspace) -> None:
    mark = workspace.audit_mark()
    assert data(workspace, "create", "api")["unchanged"] == ["api"]
    wrong = run(workspace, "apply", "gio")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "named has no service 'gio'" in wrong.stderr
    assert "did you mean 'geo'?" in wrong.stderr
    assert workspace.writes_since(mark) == []


def test_up_makes_the_rest_and_then_there_is_nothing_to_do(workspace: Workspace) -> None:
    workspace.ok("poscloud", "up", "-s", STACK)
    assert running(workspace).keys() == {"api", "geo", "web", "redis"}
    nothing_to_do(workspace)


def test_apply_changes_the_services_that_are_named_and_no_other(workspace: Workspace) -> None:
    describe(workspace, api="2", geo="2", web="2", more="  late: java\n")
    before = uids(workspace)
    mark = workspace.audit_mark()
    done = run(workspace, "apply", "api-geo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "applied in named: api, geo"
    assert running(workspace) == {"api": "2", "geo": "2", "web": "1", "redis": running(workspace)["redis"]}
    touched = {w.partition(" ")[2].partition("/")[2] for w in workspace.writes_since(mark)}
    assert touched <= {"api", "geo"}, touched
    assert {k: uid for k, uid in uids(workspace).items() if "/web" in k or "redis" in k} == {
        k: uid for k, uid in before.items() if "/web" in k or "redis" in k
    }
    assert "late" not in parts(workspace)


def test_delete_removes_one_service_and_leaves_what_started_after_it(workspace: Workspace) -> None:
    before = uids(workspace)
    done = run(workspace, "delete", "api", "--reason", "room for a test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "poscloud create api -s named, and by the next up" in done.stderr
    assert "started after what is removed, and run on: web" in done.stderr
    assert running(workspace) == {"geo": "2", "web": "1", "redis": running(workspace)["redis"]}
    assert parts(workspace) == {"geo", "web", "redis"}  # neither api nor late
    after = uids(workspace)
    assert {k for k in before.keys() - after.keys() if not k.startswith(("Pod/", "ReplicaSet/"))} == {
        "Deployment/api",
        "Service/api",
    }
    assert all(before[k] == uid for k, uid in after.items() if k in before)
    status = json.loads(run(workspace, "status", "--json").stdout)
    assert [s["name"] for s in status["services"] if s["state"] == "not made"] == ["api", "late"]
    drift = run(workspace, "drift", "--json")
    (recorded,) = json.loads(drift.stdout)["recorded"]
    assert (drift.returncode, recorded["action"], recorded["name"]) == (0, "delete", "api")
    why = run(workspace, "why", "api").stdout
    assert "likely cause: Deployment api: deleted by " in why and "poscloud create api -s " in why
    again = run(workspace, "delete", "api")
    assert (again.returncode, "api is not there" in again.stderr) == (0, True)


def test_up_says_what_was_deleted_and_makes_it_anew(workspace: Workspace) -> None:
    describe(workspace, api="2", geo="2", web="1")
    shown = run(workspace, "preview")
    assert "by hand: Deployment api: deleted by " in shown.stderr
    assert "until the next up: room for a test" in shown.stderr
    done = run(workspace, "up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "by hand: Deployment api: deleted by " in done.stderr
    assert "Deployment api: there again; over is: room for a test" in done.stderr
    assert "by hand:" not in run(workspace, "preview").stderr
    nothing_to_do(workspace)


def test_create_ends_the_record_as_well(workspace: Workspace) -> None:
    assert data(workspace, "delete", "geo")["objects"] == 2
    assert data(workspace, "create", "geo")["services"] == ["geo"]
    assert "by hand:" not in run(workspace, "preview").stderr
    nothing_to_do(workspace)


def test_a_secret_that_its_pods_read_is_applied_with_a_service(workspace: Workspace) -> None:
    described = (workspace.root / "stacks" / f"{STACK}.yaml").read_text()
    read = "env: {KEY: {secret: shop, key: word}}"
    text = described.replace('geo: {kind: java, version: "2"', f'geo: {{kind: java, version: "2", {read}')
    assert text != described
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(f"secrets: {{shop: [word]}}\n{text}")
    pods = workspace.get("deployment", "geo", "-n", STACK)["metadata"]["generation"]
    for word in ("first word", "second word"):
        given = workspace.run("poscloud", "secret", "set", "-s", STACK, "shop.word", given=word)
        assert given.returncode == 0, given.stderr
        done = run(workspace, "apply", "geo")
        assert done.returncode == 0, done.stdout + done.stderr
        secret = workspace.get("secret", "shop", "-n", STACK)["data"]["word"]
        assert base64.b64decode(secret).decode() == word
        assert workspace.get("deployment", "geo", "-n", STACK)["metadata"]["generation"] > pods
        pods = workspace.get("deployment", "geo", "-n", STACK)["metadata"]["generation"]
    nothing_to_do(workspace)


def test_scale_takes_several_in_the_old_form(workspace: Workspace) -> None:
    done = run(workspace, "scale", "api-geo", "2", "--reason", "load test")
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "Deployment api",
        "Deployment geo",
    ]
    counts = {
        name: workspace.get("deployment", name, "-n", STACK)["spec"]["replicas"]
        for name in ("api", "geo", "web")
    }
    assert counts == {"api": 2, "geo": 2, "web": 1}
    wrong = run(workspace, "scale", "api-gio", "2", "--reason", "load test")
    assert (wrong.returncode, "named has no service 'api-gio'" in wrong.stderr) == (1, True)
    workspace.ok("poscloud", "up", "-s", STACK)


def test_after_a_killed_run_an_up_goes_first(workspace: Workspace) -> None:
    unrecorded.mark(workspace.paths, STACK)
    mark = workspace.audit_mark()
    for words in (["apply", "geo"], ["delete", "geo"]):
        done = run(workspace, *words)
        assert (done.returncode, "the state may not tell what it did" in done.stderr) == (4, True)
    assert workspace.writes_since(mark) == []
    workspace.ok("poscloud", "up", "-s", STACK)
    assert run(workspace, "apply", "geo").returncode == 0


def test_what_waited_for_it_and_is_described_no_longer_is_not_deleted_by_the_way(
    workspace: Workspace,
) -> None:
    file = workspace.root / "stacks" / f"{STACK}.yaml"
    described = file.read_text()
    file.write_text("".join(line for line in described.splitlines(keepends=True) if "web:" not in line))
    mark = workspace.audit_mark()
    done = run(workspace, "delete", "api")
    assert done.returncode == 4
    assert "Deployment/web waited for Deployment/api" in done.stderr
    assert workspace.writes_since(mark) == []
    file.write_text(described)


def test_on_another_cluster_it_is_asked_and_who_says_nothing_changes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    config = json.loads(workspace.paths.kubeconfig.read_text())
    config["contexts"][0]["name"] = config["current-context"] = "office"
    (tmp_path / "config").write_text(json.dumps(config))
    (workspace.root / "Pulumi.asked.yaml").write_text("config:\n  poscloud:context: office\n")
    (workspace.root / "stacks" / "asked.yaml").write_text("pull_secret: null\nservices: {api: java}\n")

    def asked(*words: str) -> subprocess.CompletedProcess[str]:
        office = {"POSCLOUD_USER_KUBECONFIG": str(tmp_path / "config")}
        return workspace.run("poscloud", words[0], "-s", "asked", *words[1:], **office)

    mark = workspace.audit_mark()
    assert asked("create", "api").returncode != 0
    assert workspace.writes_since(mark) == []
    assert asked("create", "api", "--yes").returncode == 0
    mark = workspace.audit_mark()
    assert asked("delete", "api").returncode != 0
    assert workspace.writes_since(mark) == []
    assert "by hand:" not in asked("preview").stderr
    assert asked("delete", "api", "--yes").returncode == 0
    assert asked("destroy", "--yes").returncode == 0


def test_the_password_of_archives_is_made_once_and_given_out_by_the_stack(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "given" / "password"
    done = run(workspace, "create_passwd", "--file", str(file))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    password = file.read_text().strip()
    assert (len(password), file.stat().st_mode & 0o777) == (32, 0o600)
    assert password not in done.stderr
    assert "unpack: [password]" in (workspace.root / "stacks" / f"{STACK}.yaml").read_text()
    again = run(workspace, "passwd", "--show")
    assert (again.stdout, "there already" in again.stderr) == (f"{password}\n", True)
    workspace.ok("poscloud", "up", "-s", STACK)
    secret = workspace.get("secret", "unpack", "-n", STACK)["data"]["password"]
    assert base64.b64decode(secret).decode() == password
    assert run(workspace, "passwd", "--new", "--show").stdout.strip() not in ("", password)
    workspace.ok("poscloud", "up", "-s", STACK)


def test_a_backing_service_is_not_deleted_by_itself(workspace: Workspace) -> None:
    mark = workspace.audit_mark()
    done = run(workspace, "delete", "redis")
    assert done.returncode == 2
    assert "redis of named: a backing service has data, and is not deleted by itself" in done.stderr
    assert workspace.writes_since(mark) == []


def test_what_is_described_no_longer_is_deleted_by_its_name(workspace: Workspace) -> None:
    text = (workspace.root / "stacks" / f"{STACK}.yaml").read_text()
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text("\n".join(
        line for line in text.splitlines() if not line.strip().startswith("geo:")
    ))  # fmt: skip
    done = run(workspace, "delete", "geo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert parts(workspace) == {"api", "web", "redis"}
    describe(workspace, api="2", geo="2")  # without the Secrets that all were made after
    mark = workspace.audit_mark()
    refused = run(workspace, "create", "geo")
    assert (refused.returncode, "Secret/shop" in refused.stderr) == (4, True)
    assert "is described no longer, and others were made after it" in refused.stderr
    assert workspace.writes_since(mark) == []
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(text)
    assert data(workspace, "create", "geo")["services"] == ["geo"]


def test_delete_apps_keeps_the_backing_services_and_their_data(workspace: Workspace) -> None:
    before = uids(workspace)
    done = data(workspace, "delete-apps", "--reason", "new data")
    assert done["services"] == ["api", "geo", "web"]
    assert running(workspace).keys() == {"redis"}
    assert parts(workspace) == {"redis"}
    kept = {k: uid for k, uid in before.items() if "redis" in k}
    assert kept and {k: uid for k, uid in uids(workspace).items() if "redis" in k} == kept
    workspace.ok("poscloud", "up", "-s", STACK)
    assert running(workspace).keys() == {"api", "geo", "web", "redis"}
    nothing_to_do(workspace)


def test_what_sleeps_is_left_alone(workspace: Workspace) -> None:
    workspace.ok("poscloud", "env", "sleep", STACK)
    for words in (["apply", "api"], ["delete", "api"]):
        done = run(workspace, *words)
        assert (done.returncode, "named is asleep; nothing was changed" in done.stderr) == (4, True)
    workspace.ok("poscloud", "env", "wake", STACK)


def test_another_stacks_namespace_is_not_touched(workspace: Workspace) -> None:
    workspace.ok("kubectl", "annotate", "--overwrite", "namespace", STACK, "poscloud.io/stack=other/named")
    mark = workspace.audit_mark()
    done = run(workspace, "delete", "api")
    assert done.returncode == 4
    assert "says now that it belongs to stack other/named" in done.stderr
    assert workspace.writes_since(mark) == []
    workspace.ok("kubectl", "annotate", "--overwrite", "namespace", STACK, "poscloud.io/stack=poscloud/named")


def test_delete_all_wants_the_name_archives_and_leaves_nothing(workspace: Workspace) -> None:
    unnamed = workspace.run("poscloud", "delete-all")
    assert unnamed.returncode == 2
    assert "--stack" in unnamed.stderr
    done = run(workspace, "delete_all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is left of named" in done.stderr
    assert list((workspace.root / ".poscloud" / "archive").glob(f"**/*{STACK}*"))
    assert workspace.run("kubectl", "get", "namespace", STACK).returncode != 0
