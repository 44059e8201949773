"""The versions that Kubernetes keeps of a workload, and who pushed them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from poscloud.engine.manual import history
from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.history import BY_UP, before, pushed_text, versions_of
from poscloud.render.names import PUSHED_ANNOTATION

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PUSHED = Entry("push-jar", "apps/v1", "Deployment", "web", (), "li", "try", NOON, NOON, versions=("1", "2"))


def kept(revision: int, version: str, pushed: Entry | None = None) -> dict[str, Any]:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    annotations |= {PUSHED_ANNOTATION: pushed_text(pushed)} if pushed else {}
    metadata = {"creationTimestamp": f"2026-11-2{revision}T00:00:00Z", "annotations": annotations}
    spec = {"template": {"spec": {"containers": [{"name": "web", "image": f"h:5000/web:{version}"}]}}}
    return {"metadata": metadata, "spec": spec}


def test_the_newest_is_first_and_is_what_runs() -> None:
    found = versions_of([kept(1, "1"), kept(3, "3"), kept(2, "2", PUSHED)], "web", None)
    assert [(v.version, v.who, v.why, v.now) for v in found] == [
        ("3", BY_UP, "", True),
        ("2", "li", "try", False),
        ("1", BY_UP, "", False),
    ]
    assert [v.at for v in found] == ["2026-11-23T00:00:00Z", "2026-11-22T12:00:00Z", "2026-11-21T00:00:00Z"]


def test_what_is_recorded_now_says_until_when() -> None:
    found = versions_of([kept(2, "2", PUSHED), kept(1, "1")], "web", PUSHED)
    assert [v.until for v in found] == ["2026-11-22T12:00:00Z", ""]


def test_what_was_pushed_once_is_not_said_of_other_versions() -> None:
    """The annotation stays at the workload, and Kubernetes copies it to the next version as well."""
    (found,) = versions_of([kept(3, "3", PUSHED)], "web", None)
    assert found.who == BY_UP


def test_a_restart_is_no_other_version() -> None:
    twice = [kept(1, "1"), kept(2, "2", PUSHED), kept(3, "2", PUSHED)]
    assert [v.revision for v in versions_of(twice, "web", None)] == [3, 1]


def test_a_controller_revision_is_read_too() -> None:
    one = kept(1, "1")
    revision = {"metadata": one["metadata"], "revision": 7, "data": {"spec": one["spec"]}}
    (found,) = versions_of([revision], "web", None)
    assert (found.version, found.revision) == ("1", 7)


@pytest.mark.parametrize(("live", "goes"), [("9", "2"), ("2", "1")])
def test_a_rollback_goes_to_the_stacks_own_version_first(
    monkeypatch: pytest.MonkeyPatch, live: str, goes: str
) -> None:
    """``kubectl set image`` gives a version that no ledger has."""
    stated = SimpleNamespace(inputs=kept(1, "2"), component="web")
    newest = [kept(4, "9")] if live == "9" else []

    async def no_entry(*_: Any) -> None:
        return None

    async def found(*_: Any) -> list[Any]:
        return versions_of([*newest, kept(3, "2"), kept(2, "1")], "web", None)

    place = SimpleNamespace(pulumi=None, cluster=lambda: None)
    monkeypatch.setattr(history, "place_of", lambda *_: place)
    monkeypatch.setattr(history, "described", lambda *_, **__: [])
    monkeypatch.setattr(history, "workload_of", lambda *_: stated)
    monkeypatch.setattr(history, "_entry", no_entry)
    monkeypatch.setattr(history, "_history", found)
    reporter: Any = None
    assert before(Path(), "shop", "web", reporter) == goes
