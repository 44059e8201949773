"""The jobs of the CI templates, run as they stand in fresh clones, against a real cluster, engine and backend."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from tests.pipeline import Runner, gitea, gitlab, run_gitea, run_gitlab
from tests.unit.forge.github_server import BOT, REPOSITORY, GitHubServer
from tests.unit.forge.gitlab_server import PROJECT, GitLabServer
from tests.unit.forge.server import TOKEN, Answer, Request
from tests.workspace import Workspace

pytestmark = pytest.mark.e2e

SYSTEM = {"default", "kube-system", "kube-public", "kube-node-lease"}
SHOP = """\
backing: {redis: {}}
services:
  web: {kind: java, version: v1, uses: [redis]}
"""
ORDER = ["validate", "preview", "up", "review", "review-stop", "drift", "sweep"]


@dataclass(frozen=True)
class Office:
    """What a company has: a cluster, a repository, a backend and a place for baselines.

    Attributes:
        workspace: Has the cluster.
        runner: Has the repository.
        secrets: What is entered as variables of CI.
    """

    workspace: Workspace
    runner: Runner
    secrets: Mapping[str, str]

    def namespaces(self) -> set[str]:
        found = self.workspace.get("namespaces")["items"]
        return {each["metadata"]["name"] for each in found} - SYSTEM

    def stacks(self) -> set[str]:
        """Return the stacks that the backend has."""
        folder = Path(self.secrets["PULUMI_BACKEND_URL"].removeprefix("file://").partition("?")[0])
        return {file.stem for file in (folder / ".pulumi" / "stacks" / "poscloud").glob("*.json")}


class GiteaServer(GitHubServer):
    """The same API, as Gitea knows who asks."""

    def answer(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != f"token {TOKEN}":
            return Answer(401, {"message": "invalid username, password or token"})
        if request.path == "/user":
            return Answer(200, {"login": BOT})
        return super().answer(replace(request, headers={"Authorization": f"Bearer {TOKEN}"}))


@pytest.fixture(scope="module")
def office(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("office")
    config = json.loads(workspace.paths.kubeconfig.read_text())
    config["contexts"][0]["name"] = config["current-context"] = "office"
    (home / "kubeconfig").write_text(json.dumps(config))
    (home / "state").mkdir()
    runner = Runner(home)
    uid = workspace.get("namespace", "kube-system")["metadata"]["uid"]
    pinned = f"config:\n  poscloud:context: office\n  poscloud:cluster: {uid}\n"
    runner.publish({"stacks/shop.yaml": SHOP, "Pulumi.shop.yaml": pinned})
    yield Office(
        workspace,
        runner,
        {
            "PULUMI_BACKEND_URL": f"{(home / 'state').as_uri()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "not-a-real-passphrase",
            "KUBECONFIG": str(home / "kubeconfig"),
            "POSCLOUD_BASELINE": str(home / "baselines"),
            "POSCLOUD_BASELINE_KEY": "not-a-real-key-of-a-baseline",
        },
    )
    for name in office_left(workspace):
        workspace.ok("kubectl", "delete", "namespace", name)


def office_left(workspace: Workspace) -> list[str]:
    names = [each["metadata"]["name"] for each in workspace.get("namespaces")["items"]]
    return [name for name in names if name.startswith("shop")]


@pytest.mark.long
def test_gitlab(office: Office) -> None:
    jobs = gitlab({"stack": "shop"})
    assert {name.removeprefix("poscloud-") for name in jobs} == set(ORDER)
    with GitLabServer() as running:
        server = cast(GitLabServer, running)
        server.merge_requests[13] = server.merge_request(13)
        forge = {
            "CI_SERVER_URL": server.url,
            "CI_PROJECT_ID": PROJECT,
            "CI_PROJECT_PATH": "pay/stacks",
            "GITLAB_USER_LOGIN": "alice",
            "GITLAB_TOKEN": TOKEN,
        }
        places = {name: text for name, text in office.secrets.items() if name.startswith("POSCLOUD_")}

        def run(name: str, number: int | None = None) -> str:
            job = jobs[f"poscloud-{name}"]
            request = {"CI_MERGE_REQUEST_IID": str(number)} if number else {}
            scoped = dict(office.secrets) if "environment" in job else places
            return run_gitlab(office.runner, job, {**forge, **request, **scoped})

        run("validate", 12)
        assert "services" not in run("preview", 12)
        (note,) = server.notes
        run("up")
        assert "shop" in office.stacks()
        run("preview", 12)
        (again,) = server.notes
        assert again["id"] == note["id"] and "nothing changes" in again["body"]
        assert "shop-mr-12" in run("review", 12)
        run("review", 13)
        assert {"shop", "shop-mr-12", "shop-mr-13"} <= office.namespaces() & office.stacks()
        run("review-stop", 12)
        assert "shop-mr-12" not in office.namespaces() | office.stacks()
        assert "objects are as the stack says" in run("drift")
        server.merge_requests[13]["state"] = "merged"
        assert "removed  shop-mr-13  (merge request pay/stacks!13 is not open any more)" in run("sweep")
        assert {"shop"} == office.namespaces() & office.stacks()


def test_gitea(office: Office) -> None:
    workflow = gitea()
    assert set(workflow["jobs"]) == set(ORDER)
    workflow["env"]["STACK"] = "shop"  # what the template says to set
    with GiteaServer() as running:
        server = cast(GiteaServer, running)
        server.pulls[4] = server.pull(4)
        given = {
            "GITHUB_SERVER_URL": server.url,
            "GITHUB_API_URL": server.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_ACTOR": "alice",
        }
        secrets = {f"secrets.{name}": text for name, text in office.secrets.items()} | {
            "secrets.KUBECONFIG": Path(office.secrets["KUBECONFIG"]).read_text(),
            "vars.POSCLOUD_BASELINE": office.secrets["POSCLOUD_BASELINE"],
            "github.token": TOKEN,
        }

        def run(name: str, number: int | None = None) -> str:
            ref = {"GITHUB_REF": f"refs/pull/{number}/head" if number else "refs/heads/main"}
            event = {"github.event.pull_request.number": str(number)} if number else {}
            return run_gitea(office.runner, workflow, name, {**secrets, **event}, given | ref)

        run("validate", 3)
        run("up")
        run("preview", 3)
        (comment,) = server.comments
        assert "nothing changes" in comment["body"]
        run("review", 3)
        run("review", 4)
        assert {"shop", "shop-mr-3", "shop-mr-4"} <= office.namespaces() & office.stacks()
        run("review-stop", 3)
        assert "shop-mr-3" not in office.namespaces() | office.stacks()
        assert "objects are as the stack says" in run("drift")
        server.pulls[4]["state"] = "closed"
        assert f"removed  shop-mr-4  (merge request {REPOSITORY}!4 is not open any more)" in run("sweep")
        assert {"shop"} == office.namespaces() & office.stacks()
