"""One value of secret configuration that several Secrets take."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine import secretconfig
from poscloud.engine.secretconfig import Entry, give, rotate
from poscloud.local.progress import SilentReporter

KNOWN = [
    Entry("word", "one", "a", stored=False, needed=True, random=True, readers=("x", "y")),
    Entry("word", "two", "b", stored=False, needed=False, random=True, readers=("y", "z")),
    Entry("other", "two", "c", stored=False, needed=False, random=True, readers=("z",)),
]


def test_it_is_stored_once_and_all_its_readers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[str] = []

    class Engine:
        def set_secret(self, stack: str, key: str, value: str) -> None:
            stored.append(f"{stack} {key} {value}")

    monkeypatch.setattr(secretconfig, "entries", lambda *_: KNOWN)
    monkeypatch.setattr(secretconfig, "_opened", lambda *_: Engine())
    monkeypatch.setattr(secretconfig, "make_password", lambda _, stack, name: stored.append(f"new {name}"))
    entry = give(Path(), "dev", "word", "a-fake-value", SilentReporter())
    assert entry.readers == ("x", "y", "z") and entry.needed
    assert stored == ["dev poscloud:word a-fake-value"]
    stored.clear()
    assert [e.readers for e in rotate(Path(), "dev", "two", SilentReporter())] == [("x", "y", "z"), ("z",)]
    assert stored == ["new word", "new other"]
