"""The jobs of a merge request as CI runs them, the command line in a process of its own, against a real Gitea."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.gitea import Gitea, Repository, running_gitea
from tests.workspace import ROOT, Workspace

pytestmark = pytest.mark.servers

STACKS, GATEWAY = "alice/stacks", "alice/gateway"
KEY = "not-a-real-key-of-a-baseline"
SHOP = """\
copies:
  repositories:
    alice/gateway: {services: [pay], version: "mr-{number}-{short}"}
backing: {mysql: {}}
services:
  web: {kind: java, version: v1}
  pay: {kind: java, version: v1}
"""


@dataclass(frozen=True)
class Company:
    """A repository with the environments and one with a service, both of alice and private."""

    gitea: Gitea
    home: Path
    alice: str
    job_token: str
    stacks: Repository
    gateway: Repository

    def opened(self, repository: Repository, path: str, branch: str, **files: str) -> int:
        """Push a branch and open a pull request for it."""
        repository.git("checkout", "--quiet", "main")
        repository.push(branch, **files)
        data = {"head": branch, "base": "main", "title": branch}
        return int(self.gitea.api(self.alice, "POST", f"/repos/{path}/pulls", **data)["number"])

    def close(self, number: int) -> None:
        self.gitea.api(self.alice, "PATCH", f"/repos/{STACKS}/pulls/{number}", state="closed")

    def comments(self, number: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.gitea.api(
            self.alice, "GET", f"/repos/{STACKS}/issues/{number}/comments"
        )
        return found

    def variables(self, number: int | None, **more: str) -> dict[str, str]:
        """Return what Gitea Actions sets in a job, of a pull request or of a schedule, and the job's own token."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITEA_ACTIONS": "true",
            "GITHUB_SERVER_URL": self.gitea.url,
            "GITHUB_API_URL": f"{self.gitea.url}/api/v1",
            "GITHUB_REPOSITORY": STACKS,
            "GITHUB_REF": f"refs/pull/{number}/head" if number else "refs/heads/main",
            "GITHUB_ACTOR": "alice",
            "GITHUB_TOKEN": self.job_token,
        } | more

    def preview(self, number: int) -> subprocess.CompletedProcess[str]:
        """Run the preview's job of a pull request, in a checkout of its own, with nothing but what it is given."""
        checkout = self.home / f"job-{len(list(self.home.glob('job-*')))}"
        checkout.mkdir()
        for words in (
            "init --quiet",
            f"fetch --quiet {self.gitea.url}/{STACKS}.git refs/pull/{number}/head",
            "checkout --quiet FETCH_HEAD",
        ):
            subprocess.run(
                ["git", *words.split()], cwd=checkout, env=self.stacks.environment, check=True, timeout=60
            )
        return poscloud(
            checkout,
            *"mr preview -s shop --output preview.md --forge auto".split(),
            **self.variables(number),
            POSCLOUD_BASELINE=str(self.home / "baselines"),
            POSCLOUD_BASELINE_KEY=KEY,
        )


def poscloud(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run poscloud with no other variables than these, and PATH."""
    return subprocess.run(
        [Path(sys.prefix) / "bin" / "poscloud", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    home = tmp_path_factory.mktemp("gitea")
    with running_gitea(home) as gitea:
        alice = gitea.token("alice", "hers")
        stacks, gateway = (gitea.repository(alice, path, home / path[6:]) for path in (STACKS, GATEWAY))
        (stacks.folder / "stacks").mkdir()
        project = (ROOT / "Pulumi.yaml").read_text()
        stacks.push("main", **{"Pulumi.yaml": project, "stacks/shop.yaml": SHOP})
        gateway.push("main", **{"main.c": "int main() { return 0; }\n"})
        yield Company(gitea, home, alice, gitea.job_token(alice, STACKS), stacks, gateway)


def test_one_comment_from_the_first_push_to_the_end(company: Company) -> None:
    company.stacks.git("checkout", "--quiet", "main")
    place = {"POSCLOUD_BASELINE": str(company.home / "baselines"), "POSCLOUD_BASELINE_KEY": KEY}
    published = poscloud(company.stacks.folder, *"mr baseline publish -s shop".split(), **place)
    assert published.returncode == 0, published.stderr

    changed = SHOP.replace("web: {kind: java, version: v1}", "web: {kind: java, version: v2}")
    number = company.opened(company.stacks, STACKS, "change", **{"stacks/shop.yaml": changed})
    first = company.preview(number)
    assert first.returncode == 0, first.stderr
    (comment,) = company.comments(number)
    assert first.stdout.startswith("1 component changes, ")
    assert first.stdout.strip() in comment["body"]
    assert first.stderr == f"the comment: {comment['html_url']}\n"

    company.stacks.push("change", **{"stacks/shop.yaml": changed.replace("v1", "v3")})
    second = company.preview(number)
    assert second.returncode == 0, second.stderr
    (edited,) = company.comments(number)
    assert edited["id"] == comment["id"]
    assert second.stdout.startswith("2 components change, ")
    assert second.stdout.strip() in edited["body"]

    company.stacks.push("change", **{"stacks/shop.yaml": changed.replace("backing: {mysql: {}}\n", "")})
    lost = company.preview(number)
    assert lost.returncode == 1
    assert "data would be lost, and nobody acknowledged that: " in lost.stderr
    commands = re.findall(r"^ +(/poscloud acknowledge \S+)$", lost.stderr, re.MULTILINE)
    assert commands
    (blocked,) = company.comments(number)
    assert blocked["id"] == comment["id"]
    assert all(command in blocked["body"] for command in commands)

    path = f"/repos/{STACKS}/issues/{number}/comments"
    company.gitea.api(company.alice, "POST", path, body="\n".join(f"> {command}" for command in commands))
    assert company.preview(number).returncode == 1, "a quotation acknowledges nothing"
    company.gitea.api(company.alice, "POST", path, body="\n".join(commands))
    agreed = company.preview(number)
    assert agreed.returncode == 0, agreed.stderr
    (known,) = (each for each in company.comments(number) if each["id"] == comment["id"])
    assert known["body"] != blocked["body"] and "alice" in known["body"]

    company.close(number)
    closed = company.preview(number)
    assert closed.returncode == 1
    assert f"merge request {number} is closed: no preview is posted" in closed.stderr
    (last,) = (each for each in company.comments(number) if each["user"]["login"] == "gitea-actions")
    assert last["body"] == known["body"]


@dataclass(frozen=True)
class Copies:
    """Two copies, each for a pull request of the stacks, one with the build of the gateway's.

    Attributes:
        workspace: Has the cluster.
        company: Has the forge.
        build: The gateway's pull request.
        mine: Pull request of the copy of that name, which runs the build.
        other: Pull request of the copy of that name.
    """

    workspace: Workspace
    company: Company
    build: int
    mine: int
    other: int

    def create(self, name: str, number: int, *words: str) -> None:
        done = self.workspace.run(
            *f"poscloud env create {name} --from shop --only pay --ttl 2h".split(),
            *words,
            **self.company.variables(number, GITEA_TOKEN=self.company.alice),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def sweep(self, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run the nightly job's line."""
        return self.workspace.run(
            "poscloud", "env", "sweep", *words, **self.company.variables(None, **changed)
        )

    def image(self) -> str:
        (pay,) = self.workspace.get("deployments", "-n", "mine")["items"]
        return str(pay["spec"]["template"]["spec"]["containers"][0]["image"])

    def commit(self) -> str:
        return self.company.gateway.git("rev-parse", "faster")[:8]


@pytest.fixture(scope="module")
def copies(workspace: Workspace, company: Company) -> Iterator[Copies]:
    (workspace.root / "stacks" / "shop.yaml").write_text(SHOP)
    build = company.opened(company.gateway, GATEWAY, "faster", **{"main.c": "int main() { return 1; }\n"})
    mine, other = (
        company.opened(company.stacks, STACKS, branch, **{"note": branch}) for branch in ("mine", "other")
    )
    found = Copies(workspace, company, build, mine, other)
    found.create("mine", mine, "--with", f"{GATEWAY}=!{build}")
    found.create("other", other)
    yield found
    workspace.run("poscloud", "env", "destroy", "other", "--yes")


def test_a_copy_runs_another_repositorys_build_and_says_so(copies: Copies) -> None:
    assert copies.image().endswith(f"/shop-pay:mr-{copies.build}-{copies.commit()}")
    found = json.loads(copies.workspace.ok("poscloud", "env", "list", "--json"))["environments"]
    assert {each["name"]: (each["mergeRequest"], each["madeWith"]) for each in found} == {
        "mine": (f"{STACKS}!{copies.mine}", [f"{GATEWAY}!{copies.build}"]),
        "other": (f"{STACKS}!{copies.other}", []),
    }


def test_the_copy_takes_the_newest_commit(copies: Copies) -> None:
    before = copies.commit()
    copies.company.gateway.push("faster", **{"main.c": "int main() { return 2; }\n"})
    copies.create("mine", copies.mine, "--with", f"{GATEWAY}=!{copies.build}")
    assert copies.commit() != before
    assert copies.image().endswith(f"/shop-pay:mr-{copies.build}-{copies.commit()}")


def test_the_copys_own_merge_request_alone_is_its_end(copies: Copies) -> None:
    company = copies.company
    company.gitea.api(company.alice, "PATCH", f"/repos/{GATEWAY}/pulls/{copies.build}", state="closed")
    looked = copies.sweep()
    assert (looked.returncode, looked.stdout) == (0, "")

    company.close(copies.mine)
    unknown = copies.sweep("--yes", GITHUB_TOKEN="f" * 40)  # nothing is removed on a guess
    assert (unknown.returncode, unknown.stdout) == (0, "")
    assert "merge requests not looked at: Gitea at " in unknown.stderr

    over = f"mine  (merge request {STACKS}!{copies.mine} is not open any more)"
    seen = copies.sweep()
    assert (seen.returncode, seen.stdout) == (1, f"over  {over}\n")
    swept = copies.sweep("--yes")
    assert (swept.returncode, swept.stdout.splitlines()[-1]) == (0, f"removed  {over}")
    left = copies.workspace.ok("kubectl", "get", "namespaces", "-o", "name").split()
    assert "namespace/mine" not in left and "namespace/other" in left
