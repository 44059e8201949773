"""A team's kubeconfig on a real API server: each verb of each resource there is, asked for as the team."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import load
from poscloud.provider.rest import MERGE, ApiError, Clock
from poscloud.render.names import LEDGER
from poscloud.render.teams import RULES
from tests.workspace import Workspace

pytestmark = pytest.mark.cluster

STACK = "teamed"
DESCRIPTION = """\
pull_secret: null
limits: null
access: {qa: {}, dev: {may: [shell, change]}}
services: {web: {kind: java, anti_affinity: none}}
"""
SELF = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}
"""What everybody may ask about himself, by Kubernetes' own role."""

METHODS = {
    "get": "GET", "list": "GET", "watch": "GET", "create": "POST", "update": "PUT", "patch": "PATCH",
    "delete": "DELETE", "deletecollection": "DELETE",
}  # fmt: skip
Right = tuple[str, str, str]
"""Group, resource, verb."""


@pytest.fixture(scope="module")
def files(workspace: Workspace) -> Iterator[dict[str, Path]]:
    """Kubeconfigs of both teams, of an environment that the administrator has made as ``render`` says."""
    (workspace.root / "stacks" / f"{STACK}.yaml").write_text(DESCRIPTION)
    rendered = workspace.ok("poscloud", "render", "-s", STACK)
    done = workspace.run("kubectl", "apply", "-f", "-", given=rendered)
    assert done.returncode == 0, done.stderr
    workspace.ok(
        "kubectl", "-n", STACK, "wait", "--for=condition=Available", "deployment/web", "--timeout=60s"
    )
    found = {team: workspace.root / f"{team}.kubeconfig" for team in ("qa", "dev")}
    for team, file in found.items():
        workspace.ok("poscloud", "access", "create", team, "-s", STACK, "--kubeconfig", str(file))
    yield found
    workspace.ok("kubectl", "delete", "namespace", STACK, "--wait=false")


@pytest.fixture
async def team(files: dict[str, Path], request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    yield Cluster(load({"kubeconfig": str(files[request.param])}), Settings(), Clock())


def table(*rights: str) -> set[Right]:
    """Return what the table gives, but for rules about objects of one name."""
    mine = [rule for rule in RULES if rule.right in ("look", *rights) and not rule.only]
    return {(rule.group, res, verb) for rule in mine for res in rule.resources for verb in rule.verbs}


async def resources(cluster: Cluster) -> list[tuple[str, str, str, list[str]]]:
    """Return path, group, resource and verbs of all that the API server has, within a namespace where it can be."""
    groups = (await cluster.client.request("GET", "/apis"))["groups"]
    versions = ["/api/v1", *(f"/apis/{g['preferredVersion']['groupVersion']}" for g in groups)]
    found = []
    for version in versions:
        group = version.split("/")[2] if version.startswith("/apis/") else ""
        for each in (await cluster.client.request("GET", version))["resources"]:
            plural, _, sub = each["name"].partition("/")
            space = f"namespaces/{STACK}/" if each["namespaced"] else ""
            name = STACK if plural == "namespaces" else "no-such"
            path = f"{version}/{space}{plural}" + (f"/{name}/{sub}" if sub else "")
            found.append((path, group, each["name"], each["verbs"]))
    return found


async def may(cluster: Cluster, path: str, resource: str, verb: str) -> bool:
    """Do it, and return whether the API server allowed it; what is asked for is not there, or no object at all."""
    named = "/" not in resource and verb in ("get", "update", "patch", "delete")
    target = f"{path}/{STACK if resource == 'namespaces' else 'no-such'}" if named else path
    query = {"watch": "true", "timeoutSeconds": "1"} if verb == "watch" else {}
    query |= {"dryRun": "All"} if verb in ("patch", "update", "delete", "deletecollection") else {}
    body = None if METHODS[verb] in ("GET", "DELETE") else {}
    kind = MERGE if verb == "patch" else "application/json"
    try:
        if verb == "watch":
            await cluster.client.text(target, query)
        else:
            await cluster.client.request(METHODS[verb], target, query, body, kind)
    except ApiError as error:
        return error.status != 403
    return True


@pytest.mark.parametrize(
    ("team", "rights"), [("qa", ()), ("dev", ("shell", "change"))], indirect=["team"], ids=["look", "all"]
)
async def test_every_verb_of_every_resource_is_allowed_or_refused_as_the_table_says(
    team: Cluster, rights: tuple[str, ...]
) -> None:
    asked = [
        (path, group, resource, verb)
        for path, group, resource, verbs in await resources(team)
        for verb in verbs
        if resource not in SELF
    ]
    answers = await asyncio.gather(*(may(team, path, res, verb) for path, _, res, verb in asked))
    allowed = {(group, res, verb) for (_, group, res, verb), yes in zip(asked, answers, strict=True) if yes}
    served = {(group, res, verb) for _, group, res, verb in asked}
    assert allowed == table(*rights) & served
    assert len(served - allowed) > 300
    assert {group for group, _, _ in table(*rights) - served} == {"metrics.k8s.io"}, "no such server here"


@pytest.mark.parametrize("team", ["dev"], indirect=True)
async def test_of_config_maps_only_the_ledger_is_written_and_no_other_namespace_is_seen(
    team: Cluster,
) -> None:
    space = f"/api/v1/namespaces/{STACK}"
    entry = {"metadata": {"name": LEDGER}, "data": {}}
    await team.client.request("POST", f"{space}/configmaps", body=entry)
    await team.client.request(
        "PATCH", f"{space}/configmaps/{LEDGER}", body={"data": {"a": "b"}}, content_type=MERGE
    )
    refused = [
        ("PATCH", f"{space}/configmaps/kube-root-ca.crt"), ("GET", f"{space}/secrets"), ("DELETE", space),
        ("GET", "/api/v1/namespaces"), ("GET", "/api/v1/namespaces/default"), ("GET", "/api/v1/pods"),
        ("GET", "/api/v1/namespaces/default/pods"), ("GET", "/api/v1/namespaces/kube-system/configmaps"),
        ("POST", f"{space}/serviceaccounts/team-qa/token"), ("GET", "/metrics"), ("GET", "/logs"),
    ]  # fmt: skip
    for method, path in refused:
        with pytest.raises(ApiError) as caught:
            await team.client.request(method, path, body={} if method != "GET" else None, content_type=MERGE)
        assert caught.value.status == 403, path
    live = await team.client.request("GET", "/api/v1/namespaces/kube-system")  # which cluster this is
    assert live["metadata"]["uid"]


def test_what_a_team_does_with_kubectl(workspace: Workspace, files: dict[str, Path]) -> None:
    def kubectl(team: str, *arguments: str) -> tuple[int, str]:
        done = workspace.run("kubectl", f"--kubeconfig={files[team]}", *arguments)
        return done.returncode, done.stdout + done.stderr

    code, pods = kubectl("qa", "get", "pods", "-o", "name")
    assert (code, pods.count("pod/web-")) == (0, 1)
    pod = pods.strip()
    assert kubectl("qa", "logs", pod, "-c", "web")[0] == 0
    assert kubectl("qa", "describe", pod)[0] == 0
    for command in (("exec", pod, "-c", "web", "--", "ls"), ("port-forward", pod, ":9090")):
        assert f'cannot create resource "pods/{command[0].replace("-", "")}"' in kubectl("qa", *command)[1]
    assert "orbidden" not in kubectl("dev", "exec", pod, "-c", "web", "--", "ls")[1]
    assert "cannot patch" in kubectl("qa", "rollout", "restart", "deployment/web")[1]
    assert kubectl("dev", "rollout", "restart", "deployment/web")[0] == 0
    assert 'cannot create resource "pods"' in kubectl("dev", "run", "x", "--image=x")[1]


def test_what_a_team_does_with_poscloud(workspace: Workspace, files: dict[str, Path]) -> None:
    """Over WebSockets, as whoever has the kubeconfig; nothing runs in simulated containers."""
    settings = workspace.root / f"Pulumi.{STACK}.yaml"
    try:
        for team, code, told in (("qa", 1, "pods/exec"), ("dev", 4, "simulated containers run nothing")):
            context = yaml.safe_load(files[team].read_text())["current-context"]
            settings.write_text(f"config:\n  poscloud:context: {context}\n")
            own = {"POSCLOUD_USER_KUBECONFIG": str(files[team])}
            done = workspace.run("poscloud", "cp", "web:/tmp/x", ".", "-s", STACK, **own)
            assert (done.returncode, told in done.stderr) == (code, True), done.stderr
            done = workspace.run("poscloud", "logs", "web", "-s", STACK, **own)
            assert done.returncode == 0 and done.stdout, done.stderr
            assert ("you need `get` and `create` on pods/exec" in done.stderr) == (team == "qa"), done.stderr
            assert forwarded(workspace, own) == (b"hello" if team == "dev" else b"")
    finally:
        settings.unlink()


def forwarded(workspace: Workspace, own: dict[str, str]) -> bytes:
    """Return what a port of a pod answers; who may not is told which right it takes."""
    with subprocess.Popen(
        ["poscloud", "forward", "web", "-s", STACK, "--local", "0"], cwd=workspace.root,
        env=workspace.environment() | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout and process.stderr
        host, _, port = process.stdout.readline().partition(":")
        assert host == "127.0.0.1", process.stderr.read()
        with socket.create_connection((host, int(port)), 60) as connection:
            try:
                connection.sendall(b"hello")
                got = connection.recv(100)
            except ConnectionError:
                got = b""
        if got:
            process.send_signal(signal.SIGINT)
        else:
            assert 'resource "pods/portforward"' in process.stderr.read()
        assert process.wait(60) == (130 if got else 1)
        return got


def test_a_kubeconfig_is_its_owners_alone_and_no_output_has_its_token(
    workspace: Workspace, files: dict[str, Path]
) -> None:
    assert stat.S_IMODE(files["qa"].stat().st_mode) == 0o600
    done = workspace.run("poscloud", "access", "create", "qa", "-s", STACK, "--ttl", "10m", "--json")
    file = Path(json.loads(done.stdout)["kubeconfig"])
    assert (file.parent, stat.S_IMODE(file.stat().st_mode)) == (workspace.paths.owned / "access", 0o600)
    token = json.loads(file.read_text())["users"][0]["user"]["token"]
    listed = workspace.ok("poscloud", "access", "list", "-s", STACK)
    told = workspace.ok("kubectl", "-n", STACK, "get", "secrets,serviceaccounts", "-o", "yaml")
    assert token not in done.stdout + done.stderr + listed + told
    assert (listed.count("until"), "look, shell, change  description" in listed) == (3, True)


def test_a_team_by_hand_is_listed_and_loses_its_access_within_seconds(workspace: Workspace) -> None:
    file = workspace.root / "guest.kubeconfig"
    done = workspace.run(
        "poscloud", "access", "create", "guest", "-s", STACK, "--may", "shell", "--kubeconfig", str(file),
        POSCLOUD_OWNER="li",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "guest  look, shell" in workspace.ok("poscloud", "access", "list", "-s", STACK)
    pods = ("kubectl", f"--kubeconfig={file}", "get", "pods")
    workspace.ok(*pods)
    assert workspace.ok("poscloud", "access", "delete", "guest", "-s", STACK).startswith(
        f"team guest of {STACK}: 1 kubeconfig taken away"
    )
    deadline = time.monotonic() + 30
    while workspace.run(*pods).returncode == 0:
        assert time.monotonic() < deadline
    left = workspace.ok("kubectl", "-n", STACK, "get", "sa,role,rolebinding,secret", "-o", "name")
    assert "guest" not in left


def test_who_may_not_give_access_is_told_whom_to_ask(workspace: Workspace, files: dict[str, Path]) -> None:
    """A team's own kubeconfig in the place of the local cluster's."""
    own = workspace.paths.kubeconfig.read_bytes()
    workspace.paths.kubeconfig.write_bytes(files["dev"].read_bytes())
    try:
        done = workspace.run("poscloud", "access", "create", "dev", "-s", STACK)
    finally:
        workspace.paths.kubeconfig.write_bytes(own)
    assert done.returncode == 3
    assert "is forbidden" in done.stderr
    assert f"poscloud access --user NAME -n {STACK} --teams | kubectl apply -f -" in done.stderr


@pytest.mark.long
def test_mistakes(workspace: Workspace, files: dict[str, Path]) -> None:
    def told(*arguments: str) -> str:
        done = workspace.run("poscloud", "access", *arguments, "-s", STACK)
        assert done.returncode not in (0, 255)
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "no token for less than 10m" in told("create", "qa", "--ttl", "5m")
    assert "'5' is no duration" in told("create", "qa", "--ttl", "5")
    assert "2^32" in told("create", "qa", "--ttl", "99999d")
    assert "did you mean 'shell'?" in told("create", "new", "--may", "shel")
    assert f"change `access` in stacks/{STACK}.yaml" in told("create", "qa", "--may", "change")
    assert "'Qa' is not a DNS name" in told("create", "Qa")
    assert "did you mean 'dev'?" in told("delete", "deb")
    file = workspace.root / "stacks" / f"{STACK}.yaml" / "x"
    assert "cannot write" in told("create", "qa", "--kubeconfig", str(file))
    assert os.listdir(workspace.root / "stacks")
