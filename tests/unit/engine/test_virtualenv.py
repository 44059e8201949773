"""Which Python the program runs in: the project's own, else the one poscloud runs in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from poscloud.engine.stackconfig import refuse_missing_virtualenv
from poscloud.errors import DeployError
from poscloud.local.environment import pulumi_environment
from poscloud.local.paths import ProjectPaths

NAMED = "name: x\nruntime:\n  name: python\n  options: {virtualenv: .venv}\n"


def test_without_one_in_the_project_it_is_the_one_poscloud_runs_in(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)  # somebody's own, without poscloud
    paths = ProjectPaths(tmp_path)
    assert (paths.venv, paths.python) == (Path(sys.prefix), Path(sys.executable))


def test_the_projects_own_goes_first(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    paths = ProjectPaths(tmp_path)
    assert paths.python == tmp_path / ".venv" / "bin" / "python"


def test_the_systems_programs_do_not_hide_the_chosen_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", "/usr")
    paths = ProjectPaths(tmp_path)
    found = pulumi_environment(paths, base={"PATH": "/usr/bin:/bin"})
    assert found["PATH"].split(":") == [str(paths.bin), "/usr/bin", "/bin"]
    assert "VIRTUAL_ENV" not in found


def test_one_that_is_named_and_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(NAMED)
    with pytest.raises(DeployError, match=r"names the virtual environment \.venv") as caught:
        refuse_missing_virtualenv(tmp_path)
    assert f"ln -s {sys.prefix} {tmp_path}/.venv" in caught.value.hint
    (tmp_path / ".venv").symlink_to(sys.prefix)
    refuse_missing_virtualenv(tmp_path)


@pytest.mark.parametrize("text", ["name: x\nruntime: python\n", "name: x\nruntime: {name: python}\n", ""])
def test_none_need_be_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    refuse_missing_virtualenv(tmp_path)
