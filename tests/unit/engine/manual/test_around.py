"""What is asked about changes by hand around an ``up`` and before a release, and is not answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.archive import _by_hand
from poscloud.engine.deploy import Prepared
from poscloud.engine.manual.around import after_up, tell
from poscloud.engine.manual.due import NotEndedError
from poscloud.engine.manual.entry import as_text
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import ArchiveError, AuthError, DeployError
from tests.unit.engine.manual.conftest import ENTRY, LEDGER
from tests.unit.forge.server import Answer, ApiServer, Request


class Server(ApiServer):
    """Answers whatever it is asked with one answer."""

    def __init__(self) -> None:
        super().__init__()
        self.given = Answer(200, {})

    def answer(self, request: Request) -> Answer:
        return self.given

    def refuse(self, status: int, message: str) -> None:
        self.given = Answer(status, {"kind": "Status", "reason": "R", "message": message})

    def keep(self) -> None:
        self.given = Answer(200, {"metadata": {"name": "poscloud-manual"}, "data": {"a": as_text(ENTRY)}})


class Notes:
    """A reporter that keeps what is noted."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


class Unreadable:
    """An engine whose state cannot be read."""

    def __getattr__(self, name: str) -> Any:
        raise DeployError("the state cannot be read", hint="run: poscloud doctor")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield cast(Server, running)


@pytest.fixture
def target(server: Server, tmp_path: Path) -> Target:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "c", "user": {}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    return Target(file, "c", server.url, "", local=False)


@pytest.fixture
def prepared(target: Target) -> Prepared:
    return Prepared(cast(Pulumi, Unreadable()), target, "shop")


def test_a_ledger_is_archived(server: Server, prepared: Prepared) -> None:
    server.keep()
    (text,) = _by_hand(prepared).values()
    assert [entry["why"] for entry in json.loads(text)] == ["load test"]
    assert server.asked("GET") == [LEDGER]


def test_without_a_ledger_there_is_nothing_to_archive(server: Server, prepared: Prepared) -> None:
    server.refuse(404, "not found")
    assert _by_hand(prepared) == {}


def test_a_ledger_that_cannot_be_read_is_no_missing_one(server: Server, prepared: Prepared) -> None:
    server.refuse(403, "configmaps is forbidden")
    with pytest.raises(ArchiveError) as caught:
        _by_hand(prepared)
    assert (
        caught.value.message
        == "the changes by hand of namespace shop cannot be read: configmaps is forbidden"
    )


def test_credentials_that_do_not_hold_are_told_as_such(server: Server, prepared: Prepared) -> None:
    server.refuse(401, "Unauthorized")
    with pytest.raises(AuthError):
        _by_hand(prepared)


def test_an_up_says_that_it_could_not_look(server: Server, target: Target) -> None:
    server.refuse(403, "configmaps is forbidden")
    notes: Any = Notes()
    assert tell(target, "shop", notes) == []
    assert notes.lines[0].startswith("changes by hand not looked at: configmaps is forbidden")


def test_what_goes_wrong_after_an_up_is_a_note(prepared: Prepared) -> None:
    notes: Any = Notes()
    after_up(prepared.pulumi, prepared.target, "shop", [ENTRY], notes)
    (line,) = notes.lines
    assert line.startswith(
        "the environment is up, but changes by hand were not ended: the state cannot be read"
    )


def test_an_up_tells_what_was_ended_beside_what_was_not(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: Any, **given: Any) -> list[str]:
        assert given == {"before_up": [ENTRY]}
        raise NotEndedError([(ENTRY, DeployError("no right"))], ["api is back"])

    monkeypatch.setattr("poscloud.engine.drift.described.described", lambda *_, **__: [])
    monkeypatch.setattr("poscloud.engine.manual.due.put_back", failing)
    notes: Any = Notes()
    after_up(prepared.pulumi, prepared.target, "shop", [ENTRY], notes)
    done, left = notes.lines
    assert done == "api is back"
    assert "Deployment web, scale by li: no right" in left
