from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from poscloud.local.paths import ProjectPaths, cache_root, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_private(paths: ProjectPaths) -> None:
    paths.prepare()
    for folder in (paths.owned, paths.bin, paths.state, paths.pulumi_home, paths.logs):
        assert mode(folder) == 0o700, folder
    assert mode(paths.passphrase) == 0o600


def test_a_folder_made_open_by_others_becomes_private(paths: ProjectPaths) -> None:
    paths.owned.mkdir(mode=0o755)
    paths.prepare()
    assert mode(paths.owned) == 0o700


def test_version_control_ignores_it_all(paths: ProjectPaths) -> None:
    paths.prepare()
    assert (paths.owned / ".gitignore").read_text() == "*\n"


def test_the_passphrase_is_made_once(paths: ProjectPaths) -> None:
    first = paths.ensure_passphrase().read_text()
    assert len(first.strip()) >= 32
    assert paths.ensure_passphrase().read_text() == first


def test_two_first_uses_at_once_agree_on_the_passphrase(paths: ProjectPaths) -> None:
    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(lambda _: paths.ensure_passphrase().read_text(), range(8)))
    assert len(seen) == 1


def test_a_private_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert file.read_text() == "new"
    assert mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("old")

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(OSError, match="No space left"):
        write_private(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("POSCLOUD_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "poscloud"
    monkeypatch.setenv("POSCLOUD_CACHE", str(tmp_path / "own"))
    assert cache_root() == tmp_path / "own"


def test_the_package_imports_no_library() -> None:
    script = (
        "import sys, poscloud.local, poscloud.local.controlplane, poscloud.local.toolchain,"
        " poscloud.local.checks, poscloud.local.environment;"
        "print([m for m in ('cryptography', 'httpx', 'rich', 'yaml', 'pydantic', 'pulumi') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_engine_is_kept_from_logging_unless_somebody_wants_it(tmp_path: Path) -> None:
    paths = ProjectPaths(tmp_path)
    paths.prepare()
    assert (paths.pulumi_home / "logs").is_file()
    (paths.pulumi_home / "logs").unlink()
    (paths.pulumi_home / "logs").mkdir()
    paths.prepare()
    assert (paths.pulumi_home / "logs").is_dir()
