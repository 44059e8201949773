"""The adapter for GitHub, against a server that follows GitHub's API; tests/servers has a real Gitea."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.errors import AuthError, PosCloudError
from poscloud.forge import Forge, MergeRequest, from_environment, transport
from tests.unit.forge.github_server import BOT, REPOSITORY, GitHubServer
from tests.unit.forge.server import TOKEN, Answer, Trouble

MARKER = "<!-- poscloud:preview wbyh-stage -->"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.001)
    with GitHubServer() as running:
        assert isinstance(running, GitHubServer)
        yield running


def forge(server: GitHubServer, **changed: str) -> Forge:
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": server.url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_REF": "refs/pull/3/merge",
        "GITHUB_TOKEN": TOKEN,
    }
    found = from_environment(environ | changed)
    assert found is not None
    return found


def test_the_pull_request_is_read_and_merged_is_not_closed(server: GitHubServer) -> None:
    url = "https://github.example.com/pay/core/pull/3"
    assert forge(server).request() == MergeRequest(3, "Change 3", "open", "", "change-3", url, f"{3:040x}")
    server.pulls[3] |= {"state": "closed"}
    assert forge(server).request().state == "closed"
    server.pulls[3] |= {"merged_at": "2026-11-20T10:00:00Z"}
    assert forge(server).request().state == "merged"


def test_any_repository_of_the_same_forge_can_be_asked(server: GitHubServer) -> None:
    server.others["pay/gateway"] = {9: server.pull(9)}
    found = forge(server).of("pay/gateway", 9).request()
    assert (found.number, found.branch, found.commit) == (9, "change-9", f"{9:040x}")


def test_open_pull_requests_come_from_all_pages(server: GitHubServer) -> None:
    server.pulls = {n: server.pull(n, state="closed" if n % 2 else "open") for n in range(1, 430)}
    assert [each.number for each in forge(server).open_requests()] == list(range(2, 430, 2))
    assert len(server.requests) == 3


def test_the_comment_of_the_workflows_own_user_is_edited_in_place(server: GitHubServer) -> None:
    server.comment(f"I quote {MARKER}")
    server.comment("of somebody who is gone", None)
    for _ in range(120):
        server.comment("talk")
    written = forge(server).put(MARKER, f"{MARKER} 1")
    assert written.endswith("#issuecomment-193")
    assert forge(server).put(MARKER, f"{MARKER} 2") == written
    mine = [each.body for each in forge(server).comments() if each.author == BOT]
    assert mine == [f"{MARKER} 2"]


def test_a_comment_that_may_be_written_is_looked_for(server: GitHubServer) -> None:
    server.troubles = [Trouble("POST", Answer(200, {"data": {"viewer": {"login": BOT}}}))]
    server.troubles += [Trouble("POST", done=True)]
    forge(server).put(MARKER, MARKER)
    assert [each["body"] for each in server.comments] == [MARKER]


def test_a_body_that_is_too_long_is_the_callers_mistake(server: GitHubServer) -> None:
    with pytest.raises(ValueError, match="65537 characters, 65536 are allowed"):
        forge(server).put(MARKER, MARKER.ljust(65_537, "x"))
    assert server.requests == []


def test_too_many_requests_are_told_from_too_few_permissions(server: GitHubServer) -> None:
    secondary = Answer(403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "0"})
    server.troubles = [Trouble("GET", secondary), Trouble("POST", secondary)]
    forge(server).put(MARKER, MARKER)
    primary = Answer(403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": "0"})
    server.troubles = [Trouble("GET", primary)]
    with pytest.raises(PosCloudError, match=r"was put off once \(API rate limit exceeded\)"):
        forge(server).request()
    server.troubles = [Trouble("GET", Answer(403, {"message": "Resource not accessible by integration"}))]
    with pytest.raises(AuthError) as caught:
        forge(server).request()
    assert caught.value.hint == "the token in GITHUB_TOKEN needs the permission pull-requests: write"


def test_a_wrong_token_is_told_whatever_netrc_says(
    server: GitHubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login a password {TOKEN}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(AuthError, match=r"does not accept the token in GITHUB_TOKEN \(Bad credentials\)"):
        forge(server, GITHUB_TOKEN="not-a-real-other-token").request()
    assert forge(server).request().number == 3


def test_pages_that_go_round_in_a_circle_end(server: GitHubServer) -> None:
    link = {"Link": f'<{server.url}/x?state=open&per_page=100>; rel="next"'}
    server.troubles = [Trouble("GET", Answer(200, [server.pull(3)], link))]
    assert [each.number for each in forge(server).open_requests()] == [3]


@pytest.mark.parametrize("data", [{"message": "moved"}, "[1, 2", [1], [{}]])
def test_a_list_that_is_none_is_told(server: GitHubServer, data: object) -> None:
    server.troubles = [Trouble("GET", Answer(200, data))]
    with pytest.raises(PosCloudError, match=r"GitHub at http://127.*answered .* with .*JSON"):
        forge(server).open_requests()
