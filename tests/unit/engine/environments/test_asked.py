"""``env create --mr``: what is made for a merge request that is over would not stay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from poscloud.engine.environments.asked import owner, refuse_closed
from poscloud.errors import PosCloudError
from poscloud.forge import transport
from poscloud.local.progress import SilentReporter
from tests.unit.forge.gitlab_server import PROJECT, GitLabServer
from tests.unit.forge.server import TOKEN


class Notes(SilentReporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabServer]:
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.001)
    with GitLabServer() as running:
        found = cast(GitLabServer, running)
        states = {7: "merged", 8: "closed", 9: "opened", 10: "locked"}
        found.others["pay/core"] = {
            number: found.merge_request(number, state) for number, state in states.items()
        }
        yield found


def noted(server: GitLabServer, merge_request: str, token: str = TOKEN) -> list[str]:
    """Return what is noted of a merge request that is not refused."""
    reporter = Notes()
    here = {"GITLAB_CI": "true", "CI_SERVER_URL": server.url, "CI_PROJECT_ID": PROJECT, "GITLAB_TOKEN": token}
    here["CI_PROJECT_PATH"] = "pay/core"
    refuse_closed(merge_request, here, reporter)
    return reporter.notes


@pytest.mark.parametrize("merge_request", ["pay/core!9", "pay/core!10", ""])
def test_an_open_one_and_none_are_taken(server: GitLabServer, merge_request: str) -> None:
    assert noted(server, merge_request) == []


@pytest.mark.parametrize(("merge_request", "state"), [("pay/core!7", "merged"), ("pay/core!8", "closed")])
def test_one_that_is_over_is_refused(server: GitLabServer, merge_request: str, state: str) -> None:
    with pytest.raises(PosCloudError, match=f"^{merge_request} is {state} .*nothing was made"):
        noted(server, merge_request)


def test_one_that_is_not_there_is_refused(server: GitLabServer) -> None:
    with pytest.raises(PosCloudError, match=r"found nothing for GET .*/merge_requests/11"):
        noted(server, "pay/core!11")


def test_one_that_the_token_does_not_see_is_told(server: GitLabServer) -> None:
    (note,) = noted(server, "other/project!8")
    assert note.startswith("whether other/project!8 is open was not looked at: ")


def test_a_forge_that_cannot_be_asked_is_told_and_no_reason_to_stop(server: GitLabServer) -> None:
    (note,) = noted(server, "pay/core!8", token="unknown")
    assert note.startswith("whether pay/core!8 is open was not looked at: ")


def test_without_a_forge_nothing_is_asked() -> None:
    refuse_closed("pay/core!8", {}, SilentReporter())


def test_a_user_without_a_name_is_told_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(f"uid not found: {number}")

    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert owner({}, tmp_path) == f"uid-{os.getuid()}"
