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


def test_a_copy_with_another_repositorys_build_until_its_merge_request_is_closed(
    workspace: Workspace, company: Company
) -> None:
    (workspace.root / "stacks" / "shop.yaml").write_text(SHOP)
    build = company.opened(company.gateway, GATEWAY, "faster", **{"main.c": "int main() { return 1; }\n"})
    mine, other = (
        company.opened(company.stacks, STACKS, branch, **{"note": branch}) for branch in ("mine", "other")
    )

    def create(name: str, number: int, *words: str) -> None:
        done = workspace.run(
            *f"poscloud env create {name} --from shop --only pay --ttl 2h".split(),
            *words,
            **company.variables(number, GITEA_TOKEN=company.alice),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def image() -> str:
        (pay,) = workspace.get("deployments", "-n", "mine")["items"]
        return str(pay["spec"]["template"]["spec"]["containers"][0]["image"])

    def commit() -> str:
        return company.gateway.git("rev-parse", "faster")[:8]

    create("mine", mine, "--with", f"{GATEWAY}=!{build}")
    create("other", other)
    assert image().endswith(f"/shop-pay:mr-{build}-{commit()}")
    before = commit()
    company.gateway.push("faster", **{"main.c": "int main() { return 2; }\n"})
    create("mine", mine, "--with", f"{GATEWAY}=!{build}")
    assert before != commit()
    assert image().endswith(f"/shop-pay:mr-{build}-{commit()}")
    found = json.loads(workspace.ok("poscloud", "env", "list", "--json"))["environments"]
    assert {each["name"]: (each["mergeRequest"], each["madeWith"]) for each in found} == {
        "mine": (f"{STACKS}!{mine}", [f"{GATEWAY}!{build}"]),
        "other": (f"{STACKS}!{other}", []),
    }

    def sweep(*words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return workspace.run("poscloud", "env", "sweep", *words, **company.variables(None, **changed))

    # A build's merge request that is closed is no end, and neither is a forge that does not know the job.
    company.gitea.api(company.alice, "PATCH", f"/repos/{GATEWAY}/pulls/{build}", state="closed")
    assert (sweep().returncode, sweep().stdout) == (0, "")
    company.close(mine)
    unknown = sweep("--yes", GITHUB_TOKEN="f" * 40)
    assert (unknown.returncode, unknown.stdout) == (0, "")
    assert "merge requests not looked at: Gitea at " in unknown.stderr

    over = f"mine  (merge request {STACKS}!{mine} is not open any more)"
    seen = sweep()
    assert (seen.returncode, seen.stdout) == (1, f"over  {over}\n")
    swept = sweep("--yes")
    assert (swept.returncode, swept.stdout.splitlines()[-1]) == (0, f"removed  {over}")
    left = workspace.ok("kubectl", "get", "namespaces", "-o", "name").split()
    assert "namespace/mine" not in left and "namespace/other" in left
    workspace.ok("poscloud", "env", "destroy", "other", "--yes")
