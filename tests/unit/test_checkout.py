"""What an editable installation says its version is, in real checkouts of git."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from poscloud.checkout import SHOWN, current_version

PUBLIC = version("poscloud").partition("+")[0]


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
    return subprocess.check_output(command, cwd=folder, text=True, stderr=subprocess.DEVNULL).strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def at(folder: Path) -> str:
    """The version at the commit that git itself says is checked out there."""
    return f"{PUBLIC}+editable.g{git(folder, 'rev-parse', 'HEAD')[:SHOWN]}"


def test_it_follows_the_branch(checkout: Path) -> None:
    before = current_version(checkout)
    assert before == at(checkout)
    git(checkout, "commit", "-q", "--allow-empty", "-m", "second")
    assert current_version(checkout) == at(checkout) != before


def test_packed_branches_and_no_branch_at_all_are_read(checkout: Path) -> None:
    git(checkout, "pack-refs", "--all")
    assert not (checkout / ".git/refs/heads/main").exists()
    assert current_version(checkout) == at(checkout)
    git(checkout, "checkout", "-q", "--detach")
    assert current_version(checkout) == at(checkout)


def test_a_worktree_has_a_commit_of_its_own(checkout: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(checkout, "worktree", "add", "-q", "-b", "other", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "other")
    assert current_version(other) == at(other) != current_version(checkout)


def test_an_installation_at_this_commit_keeps_its_version(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = f"0.3.1.dev4+g{git(checkout, 'rev-parse', 'HEAD')[:SHOWN]}"
    monkeypatch.setattr("poscloud.checkout.version", lambda name: installed)
    assert current_version(checkout) == installed


def test_without_git_it_says_no_more_than_it_knows(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert current_version(tmp_path) == f"{PUBLIC}+editable"


def test_an_installed_package_is_what_was_installed(tmp_path: Path) -> None:
    assert current_version(tmp_path) == version("poscloud")
