"""Which forge a job runs for, from what CI sets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.errors import PosCloudError
from poscloud.forge import from_environment, transport
from tests.unit.forge.github_server import REPOSITORY, GitHubServer
from tests.unit.forge.server import TOKEN

GITLAB = {
    "GITLAB_CI": "true",
    "CI_SERVER_URL": "https://gitlab.example.com",
    "CI_PROJECT_ID": "34",
    "CI_MERGE_REQUEST_IID": "12",
    "GITLAB_TOKEN": TOKEN,
}
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example.com",
    "GITHUB_API_URL": "https://github.example.com/api/v3",
    "GITHUB_REPOSITORY": REPOSITORY,
    "GITHUB_REF": "refs/pull/3/merge",
    "GITHUB_TOKEN": TOKEN,
}
GITEA = GITHUB | {"GITEA_ACTIONS": "true", "GITHUB_API_URL": "https://gitea.example.com/api/v1"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.001)
    with GitHubServer() as running:
        assert isinstance(running, GitHubServer)
        yield running


def test_outside_of_ci_there_is_none() -> None:
    assert from_environment({"CI": "true", "GITLAB_TOKEN": TOKEN, "PATH": "/bin"}) is None


@pytest.mark.parametrize(
    ("environ", "limit"),
    [
        (GITLAB, 1_000_000),
        (GITEA, 170_000),
        (GITEA | {"GITEA_ACTIONS": "", "FORGEJO_ACTIONS": "true"}, 170_000),
        (GITHUB, 65_536),
    ],
    ids=["gitlab", "gitea", "forgejo", "github"],
)
def test_each_ci_is_known_by_what_it_sets(environ: dict[str, str], limit: int) -> None:
    found = from_environment(environ)
    assert found is not None
    assert found.limit == limit
    assert TOKEN not in repr(vars(found))


@pytest.mark.parametrize(
    ("environ", "name", "word"),
    [
        (GITLAB, "CI_SERVER_URL", "GitLab CI sets it"),
        (GITLAB, "CI_PROJECT_ID", "GitLab CI sets it"),
        (GITLAB, "GITLAB_TOKEN", "CI_JOB_TOKEN cannot write comments"),
        (GITEA, "GITHUB_SERVER_URL", "Gitea Actions sets it"),
        (GITEA, "GITHUB_REPOSITORY", "Gitea Actions sets it"),
        (GITEA, "GITHUB_TOKEN", "read:repository, write:issue and read:user"),
        (GITHUB, "GITHUB_REPOSITORY", "GitHub Actions sets it"),
        (GITHUB, "GITHUB_TOKEN", "pull-requests: write"),
    ],
)
def test_a_variable_that_is_missing_is_named(environ: dict[str, str], name: str, word: str) -> None:
    for value in ({}, {name: ""}):
        with pytest.raises(PosCloudError) as caught:
            from_environment({key: text for key, text in environ.items() if key != name} | value)
        assert name in caught.value.message
        assert word in caught.value.hint


@pytest.mark.parametrize(
    ("environ", "changed", "message"),
    [
        (GITLAB, {"CI_SERVER_URL": "gitlab.example.com"}, "CI_SERVER_URL is no address"),
        (GITLAB, {"CI_SERVER_URL": "https://a:fakeword@gitlab.example.com"}, "CI_SERVER_URL is no address"),
        (GITLAB, {"CI_SERVER_URL": "https://[::1"}, "CI_SERVER_URL is no address"),
        (GITLAB, {"CI_SERVER_URL": "https://*.example.com"}, "CI_SERVER_URL is no address"),
        (GITLAB, {"CI_SERVER_URL": "https://gitlab..example.com"}, "CI_SERVER_URL is no address"),
        (GITLAB, {"CI_SERVER_URL": "https://gitlab.example.com?a=b"}, "CI_SERVER_URL is no address"),
        (GITLAB, {"CI_SERVER_URL": "https://gitlab.example.com:port"}, "CI_SERVER_URL is no address"),
        (GITLAB, {"CI_MERGE_REQUEST_IID": "twelve"}, "CI_MERGE_REQUEST_IID is 'twelve', and not a number"),
        (GITLAB, {"GITLAB_TOKEN": "a b"}, "GITLAB_TOKEN is no token"),
        (GITLAB, {"GITLAB_TOKEN": "密码"}, "GITLAB_TOKEN is no token"),
        (GITHUB, {"GITHUB_REPOSITORY": "../.."}, "GITHUB_REPOSITORY is '../..', and not OWNER/NAME"),
        (GITHUB, {"GITHUB_REPOSITORY": "core"}, "GITHUB_REPOSITORY is 'core', and not OWNER/NAME"),
    ],
)
def test_a_variable_that_is_wrong_is_named(
    environ: dict[str, str], changed: dict[str, str], message: str
) -> None:
    with pytest.raises(PosCloudError) as caught:
        from_environment(environ | changed)
    assert message in caught.value.message
    assert all(secret not in caught.value.message for secret in ("fakeword", "a b", "密码"))


@pytest.mark.parametrize(
    ("event", "number"),
    [
        ({"pull_request": {"number": 3}}, 3),
        ({"issue": {"number": 3, "pull_request": {}}, "comment": {}}, 3),
        ({"issue": {"number": 3}}, None),
        ({"ref": "refs/heads/main"}, None),
        ([], None),
    ],
)
def test_the_pull_request_is_in_the_event_where_the_ref_is_a_branch(
    server: GitHubServer, tmp_path: Path, event: object, number: int | None
) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    here = {"GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_PATH": str(file), "GITHUB_API_URL": server.url}
    found = from_environment(GITHUB | here)
    assert found is not None
    if number is None:
        with pytest.raises(PosCloudError, match="this job runs for no pull request of pay/core"):
            found.request()
    else:
        assert found.request().number == number


@pytest.mark.parametrize("text", ["{", None])
def test_an_event_that_cannot_be_read_is_told(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "event.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(
        PosCloudError, match=r"the event in GITHUB_EVENT_PATH, .*event.json, cannot be read: "
    ):
        from_environment(GITHUB | {"GITHUB_REF": "", "GITHUB_EVENT_PATH": str(file)})


@pytest.mark.parametrize(("environ", "package"), [(GITLAB, "gitlab"), (GITEA, "requests")])
def test_packages_that_are_not_installed_are_named(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], package: str
) -> None:
    for module in [name for name in sys.modules if name.startswith("poscloud.forge.git")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "poscloud.forge.transport")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PosCloudError) as caught:
        from_environment(environ)
    assert f"poscloud[forge] has to be installed: there is no {package}" in caught.value.message
    assert "pip install" in caught.value.hint
