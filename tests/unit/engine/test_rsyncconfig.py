"""rsync-config: what is written, who can read it, and what cannot stand in such a file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from poscloud.engine.rsyncconfig import Module, Wanted, rsync_config
from poscloud.errors import UsageError

STACK = """\
volumes:
  img: {nfs: {server: 192.168.8.30, path: /srv/img}}
  fonts: {nfs: {server: 192.168.8.30, path: /srv/fonts}, read_only: true}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    return tmp_path


def wanted(root: Path, **more: Any) -> Wanted:
    return Wanted(root / "out", **more)


def test_the_volumes_of_the_environment_are_given_out_and_the_password_stays(root: Path) -> None:
    first = rsync_config(root, "dev", wanted(root, modules=("jars=/srv/jars",)))
    assert first.modules == (
        Module("dev-img", "/srv/img"),
        Module("dev-fonts", "/srv/fonts", read_only=True),
        Module("jars", "/srv/jars"),
    )
    assert [stat.S_IMODE(file.stat().st_mode) for file in first.files] == [0o600] * 3
    config, secrets, password = (file.read_text() for file in first.files)
    assert secrets == f"dev:{password}"
    assert password.strip() not in config
    assert len(password.strip()) == 32
    again = rsync_config(root, "dev", wanted(root))
    assert (first.made, again.made, again.files[2].read_text()) == (True, False, password)
    assert rsync_config(root, "dev", wanted(root, new=True)).files[2].read_text() != password


def test_the_server_has_its_files_elsewhere(root: Path) -> None:
    config = (
        rsync_config(root, "dev", wanted(root, installed="/etc/rsync/dev/", uid="deploy"))
        .files[0]
        .read_text()
    )
    assert "secrets file = /etc/rsync/dev/rsyncd.secrets\n" in config
    assert "uid = deploy\n" in config


@pytest.mark.parametrize(
    "asked",
    [
        {"modules": ("jars",)},
        {"modules": ("jars=srv/jars",)},
        {"modules": ("dev-img=/srv/other",)},
        {"modules": ("global=/srv/jars",)},
        {"modules": ("Global=/srv/jars",)},
        {"modules": ("jars=/srv\n[other]\npath = /",)},
        {"modules": ("jars=/srv/%HOME%",)},
        {"user": "a:b"},
        {"uid": "root\nport = 1"},
        {"installed": "etc"},
    ],
)
def test_what_cannot_stand_in_the_file_is_refused_before_anything_is_written(
    root: Path, asked: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        rsync_config(root, "dev", wanted(root, **asked))
    assert not (root / "out").exists()


def test_without_a_folder_to_give_out_it_is_said_how_to_name_one(root: Path) -> None:
    (root / "stacks" / "dev.yaml").write_text("services: {api: java}\n")
    with pytest.raises(UsageError, match="no shared volumes") as caught:
        rsync_config(root, "dev", wanted(root))
    assert "--module jars=/srv/jars" in caught.value.hint
