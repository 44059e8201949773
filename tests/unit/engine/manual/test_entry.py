"""One entry of the ledger: read back as it was written, and told in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from poscloud.engine.manual.entry import DELETE, Change, Entry, as_data, as_text, from_text
from poscloud.provider.items import Item

CHANGES = (Change(("spec", "replicas"), 1, 3),)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENTRY = Entry("scale", "apps/v1", "Deployment", "web", CHANGES, "li", "load test", NOON)


@pytest.mark.parametrize("until", [None, NOON + timedelta(hours=2)])
def test_an_entry_is_read_back_as_it_was_written(until: datetime | None) -> None:
    entry = replace(ENTRY, until=until)
    assert from_text(as_text(entry)) == entry


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"at": "soon"}', as_text(ENTRY).replace('"who"', '"whom"'), "null"]
)
def test_what_is_no_entry_is_none(text: str) -> None:
    assert from_text(text) is None


def test_it_is_told_in_one_line() -> None:
    until = replace(ENTRY, until=NOON + timedelta(hours=6))
    assert str(until) == (
        "Deployment web: scale, spec.replicas 1 → 3 by li on 2026-11-22T12:00:00Z, "
        "until 2026-11-22T18:00:00Z: load test"
    )
    assert str(ENTRY).endswith(", until the next up: load test")


def test_a_restart_has_no_end() -> None:
    done = replace(ENTRY, action="restart", reverts=False, until=NOON)
    assert str(done) == "Deployment web: restarted by li on 2026-11-22T12:00:00Z: load test"
    assert not done.is_due(NOON + timedelta(days=1))


def test_it_is_due_at_its_end() -> None:
    entry = replace(ENTRY, until=NOON)
    assert entry.is_due(NOON) and not entry.is_due(NOON - timedelta(seconds=1))
    assert not ENTRY.is_due(NOON + timedelta(days=365))


def test_its_key_is_one_that_a_config_map_may_have() -> None:
    path = ("spec", "template", "metadata", "annotations", "poscloud.io/restarted")
    assert (
        replace(ENTRY, changes=(Change(path, None, ""),)).key
        == "Deployment.web.spec.template.metadata.annotations--poscloud.io-restarted--"
    )


IMAGE = ("spec", "template", "spec", "containers", Item("[name=web]"), "image")
PUSHED = replace(
    ENTRY, action="push-jar", versions=("1", "2"), changes=(Change(IMAGE, "a:1", "a:2"), *CHANGES)
)
VISIT = Entry("shell", "v1", "Pod", "web-1", (), "li", "look", NOON, uid="u-1", container="web")


@pytest.mark.parametrize("entry", [PUSHED, VISIT])
def test_one_of_several_fields_and_one_of_a_pod_are_read_back(entry: Entry) -> None:
    found = from_text(as_text(entry))
    assert found == entry
    assert not found.changes or [type(step) for step in found.changes[0].path].count(Item) == 1


def test_one_of_a_version_names_the_version() -> None:
    assert str(PUSHED).startswith("Deployment web: push-jar, version 1 → 2 by li on ")
    assert PUSHED.key == "Deployment.web.version"
    assert [change["field"] for change in as_data(PUSHED)["changes"]] == [
        "spec.template.spec.containers[name=web].image",
        "spec.replicas",
    ]


def test_each_visit_of_a_pod_has_an_entry_of_its_own() -> None:
    assert str(VISIT) == (
        "Pod web-1: shell in container web by li on 2026-11-22T12:00:00Z, until the next up: look"
    )
    assert VISIT.key != replace(VISIT, at=NOON + timedelta(seconds=1)).key


def test_one_of_one_field_is_kept_as_earlier_versions_read_it() -> None:
    data = json.loads(as_text(ENTRY))
    assert (data["path"], data["before"], data["after"]) == (["spec", "replicas"], 1, 3)
    assert not data.keys() & {"changes", "versions", "uid", "container"}


def test_a_deletion_has_no_fields_and_a_key_of_its_own() -> None:
    entry = replace(ENTRY, action=DELETE, changes=(), uid="u-1")
    assert from_text(as_text(entry)) == entry
    assert (entry.key, entry.is_due(NOON)) == ("Deployment.web.delete", False)
    assert str(entry) == "Deployment web: deleted by li on 2026-11-22T12:00:00Z, until the next up: load test"
