"""The version, where the code is a checkout that goes on after it was installed."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

SHOWN = 9
"""Digits of a commit that are shown; the versions of builds have as many."""


def current_version(root: Path | None = None) -> str:
    """Return the installed version; in a checkout that has moved on since, the commit it is at.

    What an editable installation has as its version was true when it was made. The commit is read from git's files, as
    git itself takes time and need not be there.

    Args:
        root: The folder that has the package; its own place unless given.

    Returns:
        For example ``0.3.0``, ``0.3.1.dev4+g1a2b3c4d5``, or ``0.3.0+editable.g1a2b3c4d5`` where a checkout was
        installed as 0.3.0 and is at this commit now.

    Raises:
        importlib.metadata.PackageNotFoundError: poscloud is not installed.
    """
    root = root or Path(__file__).parents[1]
    installed = version("poscloud")
    if not (root / "pyproject.toml").is_file():
        return installed
    commit = _commit(root / ".git")[:SHOWN]
    public, _, local = installed.partition("+")
    if commit and local.startswith(f"g{commit}"):
        return installed
    return f"{public}+editable.g{commit}" if commit else f"{public}+editable"


def _commit(git: Path) -> str:
    """Return the commit that is checked out; empty where git's files do not say so in the way known here."""
    try:
        if git.is_file():  # a worktree of another checkout
            git = git.parent / git.read_text().removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        branch, shared = head.removeprefix("ref: "), git / "commondir"
        common = git / shared.read_text().strip() if shared.is_file() else git
        if (common / branch).is_file():
            return (common / branch).read_text().strip()
        lines = (common / "packed-refs").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line.split()[0] for line in lines if line.endswith(f" {branch}")), "")
