"""The adapter for GitLab, against a server that follows GitLab's API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from poscloud.errors import AuthError, PosCloudError
from poscloud.forge import Comment, Forge, MergeRequest, from_environment, transport
from poscloud.local.certificates import Pki
from tests.unit.forge.gitlab_server import LIMIT, PROJECT, GitLabServer
from tests.unit.forge.server import TOKEN, Answer, Trouble

MARKER = "<!-- poscloud:preview wbyh-stage -->"
BODY = f"{MARKER}\n2 components change"
BUSY = Answer(503, "<html>Service Unavailable</html>")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabServer]:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.001)
    with GitLabServer() as running:
        yield cast(GitLabServer, running)


def forge(server: GitLabServer, **changed: str) -> Forge:
    environ = {
        "GITLAB_CI": "true",
        "CI_SERVER_URL": server.url,
        "CI_PROJECT_ID": PROJECT,
        "CI_MERGE_REQUEST_IID": "12",
        "GITLAB_TOKEN": TOKEN,
    } | changed
    found = from_environment(environ)
    assert found is not None
    return found


def refused(server: GitLabServer, error: type[PosCloudError], *words: str, **changed: str) -> PosCloudError:
    with pytest.raises(error) as caught:
        forge(server, **changed).put(MARKER, BODY)
    text = f"{caught.value.message}\n{caught.value.hint}"
    assert [word for word in words if word not in text] == [], text
    assert TOKEN not in f"{text}{caught.value!r}{caught.value.__cause__}"
    return caught.value


def test_the_merge_request_is_read(server: GitLabServer) -> None:
    url = "https://gitlab.example.com/pay/core/-/merge_requests/12"
    assert forge(server).request() == MergeRequest(
        12, "Change 12", "open", "", "change-12", url, f"{12:040x}"
    )


def test_any_project_of_the_same_server_can_be_asked(server: GitLabServer) -> None:
    server.others["pay/deep/gateway"] = {9: server.merge_request(9) | {"sha": None}}
    found = forge(server).of("pay/deep/gateway", 9).request()
    assert (found.number, found.branch, found.commit) == (9, "change-9", "")


@pytest.mark.parametrize(("state", "read"), [("locked", "open"), ("merged", "merged"), ("closed", "closed")])
def test_a_state_is_no_error(server: GitLabServer, state: str, read: str) -> None:
    server.merge_requests[12]["state"] = state
    assert forge(server).request().state == read


def test_open_merge_requests_come_from_all_pages_and_need_no_merge_request(server: GitLabServer) -> None:
    states = {13: "merged", 14: "closed"}
    numbers = range(12, 250)
    server.merge_requests = {n: server.merge_request(n, states.get(n, "opened")) for n in numbers}
    found = forge(server, CI_MERGE_REQUEST_IID="").open_requests()
    assert [each.number for each in found] == [n for n in numbers if n not in states]
    assert server.asked("GET") == [f"/api/v4/projects/{PROJECT}/merge_requests"] * 3


def test_a_job_of_no_merge_request_is_told(server: GitLabServer) -> None:
    refused(
        server, PosCloudError, "this job runs for no merge request of project 34", CI_MERGE_REQUEST_IID=""
    )


def test_the_notes_come_from_all_pages_the_oldest_first_without_gitlabs_own(server: GitLabServer) -> None:
    for number in range(230):
        server.note(f"word {number}", system=number % 10 == 0)
    found = forge(server).comments()
    assert [each.body for each in found] == [f"word {n}" for n in range(230) if n % 10]
    assert found[0] == Comment("308", "alice", "word 1", "#note_308")


def test_the_note_is_written_once_and_then_edited_in_place(server: GitLabServer) -> None:
    server.note(f"I quote: {MARKER}")
    for _ in range(130):
        server.note("talk")
    url = "https://gitlab.example.com/pay/core/-/merge_requests/12#note_1218"
    assert forge(server).put(MARKER, BODY) == url
    assert forge(server).put(MARKER, f"{BODY}, now 3") == url
    assert forge(server).put(MARKER, f"{BODY}, now 3") == url
    mine = [each["body"] for each in server.notes if each["author"]["username"] == "project_34_bot"]
    assert mine == [f"{BODY}, now 3"]
    assert server.notes[0]["body"] == f"I quote: {MARKER}"
    # What is there already is not written again.
    assert len(server.asked("PUT")) == 1


def test_of_several_notes_of_its_own_the_first_is_edited(server: GitLabServer) -> None:
    server.note(f"{MARKER} first", "project_34_bot")
    server.note(f"{MARKER} second", "project_34_bot")
    forge(server).put(MARKER, BODY)
    assert [each["body"] for each in server.notes] == [BODY, f"{MARKER} second"]


def test_the_longest_note_goes_through_and_a_longer_one_is_the_callers_mistake(server: GitLabServer) -> None:
    found = forge(server)
    assert found.limit == LIMIT
    body = MARKER + "改" * (LIMIT - len(MARKER))
    found.put(MARKER, body)
    assert server.notes[0]["body"] == body
    with pytest.raises(ValueError, match="1000001 characters, 1000000 are allowed"):
        found.put(MARKER, body + "x")
    with pytest.raises(ValueError, match="lacks its marker"):
        found.put(MARKER, "no marker")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_and_an_edit_are_tried_again(server: GitLabServer, status: int) -> None:
    server.note(f"{MARKER} old", "project_34_bot")
    answer = Answer(status, {"message": "later"}, {"Retry-After": "0"})
    server.troubles = [Trouble("GET", answer), Trouble("GET", answer), Trouble("PUT", answer)]
    forge(server).put(MARKER, BODY)
    assert [each["body"] for each in server.notes] == [BODY]


def test_the_wait_is_as_long_as_the_server_says_and_no_longer_than_the_bound(
    server: GitLabServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    server.troubles = [
        Trouble("POST", Answer(429, {"message": "Retry later"}, {"Retry-After": wait}))
        for wait in ("7", "86400")
    ]
    forge(server).put(MARKER, BODY)
    assert waits == [7, transport.LONGEST_WAIT]
    assert [each["body"] for each in server.notes] == [BODY]


def test_a_limit_that_does_not_end_is_told(server: GitLabServer) -> None:
    server.troubles = [Trouble("POST", Answer(429, {"message": "Retry later"}))] * 5
    refused(
        server, PosCloudError, "wants fewer requests", "put off 5 times (Retry later)", "run the job again"
    )
    assert server.notes == []


def test_a_connection_cut_after_the_note_was_written_makes_no_second_one(server: GitLabServer) -> None:
    server.troubles = [Trouble("POST", done=True)]
    assert forge(server).put(MARKER, BODY).endswith("#note_301")
    assert [each["body"] for each in server.notes] == [BODY]
    assert len(server.asked("POST")) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble("POST", BUSY, done=True),
        Trouble("POST", Answer(200, "<html>Log in</html>"), done=True),
        Trouble("POST", half=True),
    ],
    ids=["5xx", "not JSON", "half an answer"],
)
def test_a_note_that_may_be_written_is_looked_for(server: GitLabServer, trouble: Trouble) -> None:
    server.troubles = [trouble]
    forge(server).put(MARKER, BODY)
    assert len(server.notes) == len(server.asked("POST")) == 1


@pytest.mark.parametrize("trouble", [Trouble("POST", BUSY), Trouble("POST")], ids=["5xx", "cut"])
def test_a_note_that_was_not_written_is_written_after_a_look(server: GitLabServer, trouble: Trouble) -> None:
    server.troubles = [trouble]
    forge(server).put(MARKER, BODY)
    assert [request.method for request in server.requests[:4]] == ["GET", "GET", "POST", "GET"]
    assert [each["body"] for each in server.notes] == [BODY]


def test_half_an_answer_to_a_read_is_read_again(server: GitLabServer) -> None:
    server.troubles = [Trouble("GET", half=True)]
    assert forge(server).request().number == 12


def test_a_note_that_somebody_removes_meanwhile_is_written_anew(server: GitLabServer) -> None:
    server.note(f"{MARKER} old", "project_34_bot")
    server.troubles = [Trouble("PUT", Answer(404, {"message": "404 Note Not Found"}))]
    gone = threading.Event()
    original = server.answer

    def answer(request):  # type: ignore[no-untyped-def]
        if server.asked("PUT") and not gone.is_set():
            gone.set()
            server.notes.clear()
        return original(request)

    server.answer = answer  # type: ignore[method-assign]
    forge(server).put(MARKER, BODY)
    assert [each["body"] for each in server.notes] == [BODY]


def test_a_server_that_stays_broken_is_told(server: GitLabServer) -> None:
    server.troubles = [Trouble("GET", BUSY)] * 5
    refused(
        server,
        PosCloudError,
        "answered GET /api/v4/user with 503 5 times (Service Unavailable)",
        "run the job again",
    )


def test_a_wrong_token_is_told(server: GitLabServer) -> None:
    words = ("does not accept the token in GITLAB_TOKEN (401 Unauthorized)", "expired", "the scope api")
    assert refused(server, AuthError, *words, GITLAB_TOKEN="not-a-real-other-token").exit_code == 3


def test_a_missing_scope_is_told(server: GitLabServer) -> None:
    words = ("refused POST", "insufficient_scope", "the token in GITLAB_TOKEN needs the scope api")
    refused(server, AuthError, *words, GITLAB_TOKEN="reads-only")


@pytest.mark.parametrize("changed", [{"CI_PROJECT_ID": "35"}, {"CI_MERGE_REQUEST_IID": "13"}])
def test_what_is_not_there_is_told(server: GitLabServer, changed: dict[str, str]) -> None:
    words = ("found nothing for GET /api/v4/projects/", "may not see project 3", "CI_PROJECT_ID")
    refused(server, PosCloudError, *words, **changed)
    assert server.asked("POST") == []


def test_a_page_that_is_no_api_is_told(server: GitLabServer) -> None:
    server.troubles = [Trouble("GET", Answer(200, "<html>Log in</html>"))]
    refused(server, PosCloudError, "answered GET /api/v4/user with text/html instead of JSON", "login page")


@pytest.mark.parametrize("data", [{}, [], "null", {"username": "x"}, [1]])
def test_json_of_another_kind_is_told(server: GitLabServer, data: object) -> None:
    server.troubles = [Trouble("GET", Answer(200, data))]
    with pytest.raises(PosCloudError, match="answered for the merge request with JSON that lacks"):
        forge(server).request()


def test_the_token_goes_to_no_other_address(server: GitLabServer) -> None:
    with GitLabServer() as other:
        server.troubles = [Trouble("GET", Answer(302, {}, {"Location": f"{other.url}/api/v4/user"}))]
        refused(server, PosCloudError, f"sends GET /api/v4/user on to {other.url}", "CI_SERVER_URL")
        assert other.requests == []


def test_a_server_that_repeats_the_token_does_not_get_it_shown(server: GitLabServer) -> None:
    server.troubles = [Trouble("GET", Answer(401, {"message": f"bad token {TOKEN}"}))]
    refused(server, AuthError, "bad token …")


def test_a_server_that_is_not_there_is_told(server: GitLabServer) -> None:
    with GitLabServer() as gone:
        pass
    refused(
        server, PosCloudError, "did not answer", "Connection refused", "HTTPS_PROXY", CI_SERVER_URL=gone.url
    )


def test_a_proxy_that_is_not_there_is_told(server: GitLabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    refused(server, PosCloudError, "through the proxy: ", "Connection refused", "HTTPS_PROXY and NO_PROXY")


def test_a_server_that_speaks_no_tls_is_told(server: GitLabServer) -> None:
    url = server.url.replace("http://", "https://")
    refused(
        server,
        PosCloudError,
        "the TLS connection to GitLab at https://127",
        "REQUESTS_CA_BUNDLE",
        CI_SERVER_URL=url,
    )


def test_a_server_that_does_not_answer_in_time_is_told(
    server: GitLabServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.05)
    over = threading.Event()
    server.answer = lambda request: over.wait(10) and Answer(200, {})  # type: ignore[assignment, method-assign, return-value]
    try:
        refused(server, PosCloudError, "did not answer GET /api/v4/user: Read timed out")
    finally:
        over.set()


@pytest.mark.parametrize("variable", ["CI_SERVER_TLS_CA_FILE", "REQUESTS_CA_BUNDLE"])
def test_an_authority_of_the_companys_own_is_trusted_where_it_is_named(
    server: GitLabServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    pki = Pki(tmp_path / "pki")
    pki.ensure()
    server.secure(pki.certificate("apiserver"), pki.key("apiserver"))
    refused(server, PosCloudError, "certificate verify failed", "export REQUESTS_CA_BUNDLE=")
    authority = str(pki.certificate("ca"))
    monkeypatch.setenv(variable, authority)
    assert forge(server, **{variable: authority}).request().number == 12


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_an_authority_that_is_none_is_told(server: GitLabServer, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "ca.pem"
    if text:
        file.write_text(text)
    server.url = server.url.replace("http://", "https://")
    refused(server, PosCloudError, "the TLS connection to GitLab", "ca.pem", CI_SERVER_TLS_CA_FILE=str(file))
