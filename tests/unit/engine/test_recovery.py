from __future__ import annotations

from pathlib import Path

import pytest

from poscloud.engine.recovery import _restore_backup
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    folder = tmp_path / ".poscloud" / "state" / ".pulumi" / "stacks" / "shop"
    folder.mkdir(parents=True)
    return folder


def restore(state: Path) -> bool:
    return _restore_backup(ProjectPaths(state.parents[4]), "dev")


@pytest.mark.parametrize("damage", ["", '{"version": 3, "checkp'])
def test_a_cut_off_state_is_replaced_by_its_backup_and_kept(state: Path, damage: str) -> None:
    (state / "dev.json").write_text(damage)
    (state / "dev.json.bak").write_text('{"version": 3}')
    assert restore(state)
    assert (state / "dev.json").read_text() == '{"version": 3}'
    assert (state / "dev.json.damaged").read_text() == damage


def test_a_missing_state_is_replaced_too(state: Path) -> None:
    (state / "dev.json.bak").write_text('{"version": 3}')
    assert restore(state)
    assert (state / "dev.json").read_text() == '{"version": 3}'


def test_a_whole_state_is_left_alone(state: Path) -> None:
    (state / "dev.json").write_text('{"version": 3}')
    (state / "dev.json.bak").write_text('{"version": 2}')
    assert not restore(state)
    assert (state / "dev.json").read_text() == '{"version": 3}'


def test_two_damaged_files_are_never_taken_for_an_empty_stack(state: Path) -> None:
    (state / "dev.json").write_text("")
    (state / "dev.json.bak").write_text("")
    with pytest.raises(DeployError, match="damaged, and so is its backup"):
        restore(state)
    assert (state / "dev.json").exists()


def test_a_stack_that_was_never_written_is_no_damage(state: Path) -> None:
    assert not restore(state)
