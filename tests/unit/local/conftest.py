"""Shared by the tests of the local layer: an own checkout, an own cache, programs that are shell scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from poscloud.local.paths import ProjectPaths


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectPaths:
    monkeypatch.setenv("POSCLOUD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("POSCLOUD_TOOLCHAIN", raising=False)
    root = tmp_path / "checkout"
    root.mkdir()
    return ProjectPaths(root)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """Makes a program that prints a text; all of them in one folder."""
    folder = tmp_path / "programs"
    folder.mkdir()

    def make(name: str, text: str, *, code: int = 0) -> Path:
        file = folder / name
        file.write_text(f"#!/bin/sh\ncat <<'EOT'\n{text}\nEOT\nexit {code}\n")
        file.chmod(0o755)
        return file

    return make


class Recorder:
    """A reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[str] = []

    def step(self, name: str, *, log: Path | None = None):  # type: ignore[no-untyped-def]
        from contextlib import nullcontext

        self.steps.append(name)
        return nullcontext()

    def update(self, text: str) -> None: ...

    def done(self, text: str = "") -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)

    def plan(self, steps: int) -> None: ...


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
