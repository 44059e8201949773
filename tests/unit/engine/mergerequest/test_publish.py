"""What ``up`` does about the baseline when it has succeeded."""

from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine.description import describe
from poscloud.engine.mergerequest.publish import publish_after_up
from poscloud.local.progress import SilentReporter
from tests.mergerequests import SHOP


class Notes(SilentReporter):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(f"baseline: base\n{SHOP}")
    monkeypatch.setenv("POSCLOUD_BASELINE_KEY", "not-a-real-key-of-a-baseline")
    return tmp_path


def publish(root: Path) -> list[str]:
    notes = Notes()
    publish_after_up(root, "dev", describe(root, "dev"), notes)
    return notes.notes


def test_it_is_published_and_said_where(root: Path) -> None:
    assert publish(root) == [f"published the baseline for merge requests: {root}/base/shop/dev.json"]


def test_without_a_place_nothing_is_said(root: Path) -> None:
    (root / "stacks" / "dev.yaml").write_text(SHOP)
    assert publish(root) == []


def test_that_it_cannot_be_published_is_a_note_with_the_next_command(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "base").touch()
    monkeypatch.delenv("POSCLOUD_BASELINE_KEY")
    [no_key] = publish(root)
    assert "POSCLOUD_BASELINE_KEY is not set" in no_key
    monkeypatch.setenv("POSCLOUD_BASELINE_KEY", "not-a-real-key-of-a-baseline")
    [no_folder] = publish(root)
    assert "the environment is up, but its baseline was not published: " in no_folder
    assert f"{root}/base" in no_folder and "poscloud mr baseline publish -s dev" in no_folder
