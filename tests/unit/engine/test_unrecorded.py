"""When the mark of a run that may have been killed is taken away."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from poscloud.engine import unrecorded
from poscloud.local.paths import ProjectPaths


@pytest.fixture
def paths(tmp_path: Path) -> ProjectPaths:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return ProjectPaths(tmp_path)


@pytest.mark.parametrize(
    ("age", "pending", "kept"),
    [(10, [], False), (-10, [], True), (10, [{"type": "creating"}], True), (None, [], True)],
    ids=["written after it", "not written since", "with operations without an end", "no file"],
)
def test_a_failed_run_leaves_a_mark_only_if_its_state_was_not_written(
    paths: ProjectPaths, age: int | None, pending: list[object], kept: bool
) -> None:
    unrecorded.mark(paths, "dev")
    state = None
    if age is not None:
        state = paths.root / "dev.json"
        state.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": pending}}}))
        marked = (paths.owned / "unrecorded" / "dev.json").stat().st_mtime
        os.utime(state, (marked + age, marked + age))
    unrecorded.clear_if_written(paths, "dev", state)
    assert unrecorded.is_marked(paths, "dev") is kept
