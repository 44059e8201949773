"""``env create --with``: what a merge request of a service's repository stands for in a copy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml

from poscloud.engine.environments.builds import builds, read_requests
from poscloud.engine.environments.copying import Order, describe_copy
from poscloud.errors import AuthError, PosCloudError
from poscloud.forge import transport
from poscloud.load import load_environment
from poscloud.render import render_environment
from tests.unit.forge.github_server import GitHubServer
from tests.unit.forge.gitlab_server import PROJECT, GitLabServer
from tests.unit.forge.server import TOKEN, Answer, Trouble

COMMIT = "1234567e" + "0" * 32  # as YAML, its beginning is a number

STAGE = """\
registry: r.example.com/shop
copies:
  repositories:
    pay/core: {services: [task, api], version: "mr-{number}-{short}"}
    pay/core-c: {services: [confirm], fields: {git.revision: "{commit}"}}
    pay/web: {services: [web], fields: {image: "{registry}/{environment}-{service}:{branch}"}}
    pay/jars: {services: [settle], version: "{commit}"}
    pay/docs: {services: [api], version: "docs-{number}"}
services:
  task: {kind: java, version: v1}
  api: {kind: java, version: v1}
  web: {kind: java, version: v1}
  confirm: {kind: c, runenv: test, filebeat: false, git: {repository: "https://git.example.com/c.git", revision: v1}}
  settle:
    kind: java
    version: v1
    jar: {url: "https://nexus.example.com/{version}.jar", jdk: "jdk:17", sha256: "%s"}
""" % ("a" * 64)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "stage.yaml").write_text(STAGE)
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabServer]:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.001)
    with GitLabServer() as running:
        server = cast(GitLabServer, running)
        for repository in ("pay/core", "pay/core-c", "pay/web", "pay/jars", "pay/docs"):
            server.others[repository] = {9: server.merge_request(9) | {"sha": COMMIT}}
        yield server


def environ(server: GitLabServer, **changed: str) -> dict[str, str]:
    here = {
        "GITLAB_CI": "true",
        "CI_SERVER_URL": server.url,
        "CI_PROJECT_ID": PROJECT,
        "GITLAB_TOKEN": TOKEN,
    }
    return here | changed


def copied(project: Path, server: GitLabServer, *asked: str, **order: tuple[str, ...]) -> dict[str, object]:
    """Return the description of a copy that is made with merge requests."""
    spec = load_environment(project, "stage")
    found = builds(spec, read_requests(spec, asked, order.get("only", ())), environ(server))
    file = describe_copy(project, Order("mine", "stage", "8h", "li", builds=tuple(found), **order))
    described: dict[str, object] = yaml.safe_load(file.read_text())
    return described


def refused(project: Path, server: GitLabServer, *asked: str, only: tuple[str, ...] = ()) -> str:
    """Return message and hint of an error, after which there is no copy."""
    with pytest.raises(PosCloudError) as caught:
        copied(project, server, *asked, only=only)
    assert sorted(file.name for file in (project / "stacks").iterdir()) == ["stage.yaml"]
    assert TOKEN not in f"{caught.value.message}{caught.value.hint}"
    return f"{caught.value.message}\n{caught.value.hint}"


def test_every_service_of_the_repository_runs_the_build(project: Path, server: GitLabServer) -> None:
    assert copied(project, server, "pay/core=!9") == {
        "copy_of": "stage",
        "lifetime": {"ttl": "8h", "owner": "li", "made_with": ["pay/core!9"]},
        "services": {"task": {"version": "mr-9-1234567e"}, "api": {"version": "mr-9-1234567e"}},
    }


def test_several_repositories_go_into_one_copy(project: Path, server: GitLabServer) -> None:
    described = copied(project, server, "pay/core-c=!9", "pay/web=9", "pay/jars=!9")
    assert described["services"] == {
        "confirm": {"git": {"revision": COMMIT}},
        "web": {"image": "r.example.com/shop/stage-web:change-9"},
        "settle": {"version": COMMIT, "jar": {"sha256": None}},
    }
    mine = load_environment(project, "mine")
    assert mine.lifetime is not None
    assert mine.lifetime.made_with == ("pay/core-c!9", "pay/web!9", "pay/jars!9")


def test_the_namespace_says_what_it_was_made_with(project: Path, server: GitLabServer) -> None:
    copied(project, server, "pay/core=!9", "pay/web=!9")
    (namespace, *_), *_ = (part.manifests for part in render_environment(load_environment(project, "mine")))
    assert namespace["metadata"]["annotations"]["poscloud.io/made-with"] == "pay/core!9,pay/web!9"


def test_run_again_it_takes_the_newest_commit(project: Path, server: GitLabServer) -> None:
    copied(project, server, "pay/core=!9")
    server.others["pay/core"][9]["sha"] = "f" * 40
    described = copied(project, server, "pay/core=!9")
    assert described["services"] == {
        "task": {"version": "mr-9-ffffffff"},
        "api": {"version": "mr-9-ffffffff"},
    }


def test_what_is_set_by_hand_goes_before(project: Path, server: GitLabServer) -> None:
    described = copied(project, server, "pay/core=!9", changes=("api.version=v7",))
    assert described["services"] == {"task": {"version": "mr-9-1234567e"}, "api": {"version": "v7"}}


def test_a_branch_is_a_tag_as_gitlab_makes_it(project: Path, server: GitLabServer) -> None:
    server.others["pay/web"][9]["source_branch"] = "Feature/PAY-12_支付." + "x" * 80
    described = cast(dict[str, dict[str, dict[str, str]]], copied(project, server, "pay/web=!9"))
    tag = described["services"]["web"]["image"].rpartition(":")[2]
    assert tag == "feature-pay-12----" + "x" * 45


def test_github_is_asked_the_same(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GitHubServer() as running:
        server = cast(GitHubServer, running)
        server.others["pay/core"] = {9: server.pull(9)}
        here = {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": server.url, "GITHUB_REPOSITORY": "pay/stacks"}
        spec = load_environment(project, "stage")
        (build,) = builds(spec, read_requests(spec, ["pay/core=!9"], ()), here | {"GITHUB_TOKEN": TOKEN})
    assert build.fields["services", "task", "version"] == "mr-9-00000000"


@pytest.mark.parametrize(
    ("asked", "only", "words"),
    [
        ("pay/core!9", (), "--with pay/core!9: expected REPOSITORY=!NUMBER"),
        ("pay/core", (), "--with pay/core: expected REPOSITORY=!NUMBER"),
        ("=!9", (), "--with =!9: expected REPOSITORY=!NUMBER"),
        ("pay/core=!x", (), "--with pay/core=!x: expected REPOSITORY=!NUMBER"),
        ("pay/cor=!9", (), "stage does not say which services pay/cor builds"),
        ("pay/cor=!9", (), "did you mean 'pay/core'?"),
        (
            "pay/core=!9 pay/docs=!9",
            (),
            "service api would run two builds: --with pay/core=!9 and --with pay/doc",
        ),
        (
            "pay/core=!9 pay/core=!8",
            (),
            "service task would run two builds: --with pay/core=!9 and --with pay/co",
        ),
        (
            "pay/web=!9",
            ("task",),
            "--with pay/web=!9 changes nothing: --only task leaves web out\n--only task,web",
        ),
    ],
)
def test_what_is_asked_wrongly_is_told_without_asking_the_forge(
    project: Path, server: GitLabServer, asked: str, only: tuple[str, ...], words: str
) -> None:
    assert words in refused(project, server, *asked.split(), only=only)
    assert server.requests == []


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_a_merge_request_that_is_over_is_told(project: Path, server: GitLabServer, state: str) -> None:
    server.others["pay/core"][9]["state"] = state
    text = refused(project, server, "pay/core=!9")
    assert f"pay/core!9 is {state} (https://gitlab.example.com/pay/core/-/merge_requests/9)" in text
    assert "leave --with pay/core=!9 out: task, api then run what stage runs" in text


def test_a_merge_request_without_a_commit_is_told(project: Path, server: GitLabServer) -> None:
    server.others["pay/core"][9]["sha"] = None
    assert "pay/core!9 has no commit yet" in refused(project, server, "pay/core=!9")


def test_a_branch_that_no_tag_can_be_made_of_is_told(project: Path, server: GitLabServer) -> None:
    server.others["pay/web"][9]["source_branch"] = "支付"
    text = refused(project, server, "pay/web=!9")
    assert "the branch of pay/web!9, '支付', has no letter from a to z" in text
    assert "{number} or {commit} in `copies` of stage" in text


def test_a_merge_request_that_is_not_there_is_told(project: Path, server: GitLabServer) -> None:
    text = refused(project, server, "pay/core=!10")
    assert "found nothing for GET /api/v4/projects/pay%2Fcore/merge_requests/10" in text
    assert (
        "the token in GITLAB_TOKEN may not see project pay/core: check the name pay/core and the number"
        in text
    )


@pytest.mark.parametrize(
    ("status", "times", "words"),
    [
        (401, 1, "does not accept the token in GITLAB_TOKEN (no)"),
        (
            429,
            5,
            "wants fewer requests: GET /api/v4/projects/pay%2Fcore/merge_requests/9 was put off 5 times (no)",
        ),
        (500, 5, "answered GET /api/v4/projects/pay%2Fcore/merge_requests/9 with 500 5 times (no)"),
    ],
)
def test_a_forge_that_refuses_is_told(
    project: Path, server: GitLabServer, status: int, times: int, words: str
) -> None:
    server.troubles = [Trouble("GET", Answer(status, {"message": "no"}))] * times
    text = refused(project, server, "pay/core=!9")
    assert words in text
    if status != 401:
        assert text.endswith("\nrun the same command again")


def test_outside_of_ci_the_variables_are_named(project: Path) -> None:
    spec = load_environment(project, "stage")
    with pytest.raises(PosCloudError) as caught:
        builds(spec, read_requests(spec, ["pay/core=!9"], ()), {})
    assert "--with pay/core=!9 asks the forge for its newest commit, and no forge is known here" in str(
        caught.value
    )
    assert all(name in caught.value.hint for name in ("GITLAB_CI", "GITEA_ACTIONS", "GITHUB_ACTIONS"))


def test_the_variables_that_are_named_are_enough(project: Path, server: GitLabServer) -> None:
    assert copied(project, server, "pay/core=!9")
    with pytest.raises(AuthError):
        spec = load_environment(project, "stage")
        builds(spec, read_requests(spec, ["pay/core=!9"], ()), environ(server, GITLAB_TOKEN="wrong"))


def test_where_nothing_is_said_of_repositories_an_example_is_shown(project: Path) -> None:
    (project / "stacks" / "stage.yaml").write_text("services: {task: {kind: java, version: v1}}\n")
    with pytest.raises(PosCloudError) as caught:
        read_requests(load_environment(project, "stage"), ["pay/core=!9"], ())
    text = caught.value.hint.partition("copies: ")[2].rpartition(" (docs")[0].replace("NAME", "task")
    (project / "stacks" / "stage.yaml").write_text(
        f"services: {{task: {{kind: java, version: v1}}}}\ncopies: {text}\n"
    )
    spec = load_environment(project, "stage")
    assert [str(each) for each in read_requests(spec, ["pay/core=!9"], ())] == ["pay/core!9"]


def test_without_with_no_forge_is_asked(project: Path) -> None:
    spec = load_environment(project, "stage")
    assert builds(spec, read_requests(spec, [], ()), os.environ) == []
