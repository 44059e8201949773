"""apt-get as it fails: slowly, without package lists, without the package."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from poscloud.errors import DeployError
from poscloud.local import debian

FOUND = "'file:/pool/a_1%3a2_all.deb' a_1%3a2_all.deb 1 MD5Sum:0"


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of package lists, as in a fresh container, of root's."""
    folder = tmp_path / "lists"
    (folder / "partial").mkdir(parents=True)
    monkeypatch.setattr(debian, "LISTS", folder)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    return folder


@pytest.fixture
def apt(tmp_path: Path, lists: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes apt-get a shell script, which writes down how it was called."""

    def make(script: str) -> Path:
        calls = tmp_path / "calls"
        program = tmp_path / "apt-get"
        program.write_text(f"#!/bin/sh\necho $1 >>{calls}\nLISTS={lists}\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return calls

    return make


def test_lists_are_fetched_where_there_are_none(apt: Callable[[str], Path]) -> None:
    calls = apt(f'[ $1 = update ] && touch $LISTS/there; [ -e $LISTS/there ] && echo "{FOUND}"')
    assert debian._wanted(("a",)) == ["a=1:2"]
    assert debian._wanted(("a",)) == ["a=1:2"]
    assert calls.read_text().split() == ["install", "update", "install", "install"]


def test_lists_that_are_new_are_not_fetched_again(apt: Callable[[str], Path], lists: Path) -> None:
    calls = apt("echo 'E: Unable to locate package a' >&2; exit 100")
    (lists / "there").touch()
    with pytest.raises(DeployError, match="cannot find a: E: Unable to locate package a") as caught:
        debian._wanted(("a",))
    assert caught.value.hint == "is it a package of this Debian? see: apt-cache policy NAME"
    assert calls.read_text().split() == ["install"]
    old = (lists / "there").stat().st_mtime - debian.LISTS_SECONDS - 60
    for file in (lists / "there", lists / "partial"):
        os.utime(file, (old, old))
    with pytest.raises(DeployError, match="cannot fetch the package lists: E: Unable to locate"):
        debian._wanted(("a",))


def test_who_is_not_root_is_told_to_fetch_them(
    apt: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = apt("exit 100")
    monkeypatch.setattr(os, "getuid", lambda: 65534)
    with pytest.raises(DeployError, match="it ended with 100 and said nothing") as caught:
        debian._wanted(("a",))
    assert caught.value.hint == "run: sudo apt-get update"
    assert calls.read_text().split() == ["install"]


def test_an_apt_that_hangs_is_told(
    apt: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt("exec sleep 60")
    monkeypatch.setattr(debian, "TIMEOUT", 0.2)
    with pytest.raises(DeployError, match="apt-get install did not end within 0 s"):
        debian._wanted(("a",))
    with pytest.raises(DeployError, match="apt-get download did not end within 0 s"):
        debian._extract(["a=1"], tmp_path / "folder")
