"""Folders that cannot be written, and archives that are not what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from poscloud.cluster.archive.stores import open_store
from poscloud.cluster.archive.stores.folder import FolderStore
from poscloud.cluster.archive.verify import verify
from poscloud.errors import ArchiveError
from poscloud.provider.config import Access
from poscloud.spec import ArchiveSpec
from tests.unit.cluster.archives import RUNNING, Namespace, collect, pod
from tests.unit.provider.conftest import FakeServer

LOG = "logs/a/main.log.gz"


@pytest.fixture
async def kept(server: FakeServer, access: Access, tmp_path: Path) -> tuple[Path, bytes]:
    """An archive that was written, and its manifest."""
    server.answer = Namespace(pod("a", main=RUNNING))
    return await collect(access, tmp_path, **{"spec.yaml": "name: shop\n"})


def check(kept: tuple[Path, bytes]) -> str:
    folder, manifest = kept
    return str(verify(FolderStore(folder.parents[1]), f"shop/{folder.name}", manifest))


def test_what_was_written_is_counted(kept: tuple[Path, bytes]) -> None:
    files = [f for f in kept[0].rglob("*") if f.is_file()]
    size = sum(f.stat().st_size for f in files)
    assert check(kept) == f"{kept[0]} ({len(files)} files, {size} bytes, checksums read back)"


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def shorten(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("name", [LOG, "spec.yaml", "manifest.json"])
@pytest.mark.parametrize("damage", [flip, shorten])
def test_a_file_that_differs_is_named(
    damage: Callable[[Path], None], name: str, kept: tuple[Path, bytes]
) -> None:
    damage(kept[0] / name)
    with pytest.raises(ArchiveError, match=rf"differs when it is read back: {kept[0]}/{name} has \d+ bytes"):
        check(kept)


def test_a_file_that_is_missing_is_named(kept: tuple[Path, bytes]) -> None:
    (kept[0] / LOG).unlink()
    with pytest.raises(ArchiveError, match=f"cannot be read back: {kept[0]}/{LOG}: No such file"):
        check(kept)


def test_a_manifest_that_is_none_is_refused(kept: tuple[Path, bytes]) -> None:
    (kept[0] / "manifest.json").write_text("[]")
    with pytest.raises(ArchiveError, match="is no manifest of an archive"):
        verify(FolderStore(kept[0].parents[1]), f"shop/{kept[0].name}")


async def test_a_folder_that_cannot_be_made(server: FakeServer, access: Access, tmp_path: Path) -> None:
    server.answer = Namespace(pod("a", main=RUNNING))
    (tmp_path / "kept").touch()
    with pytest.raises(ArchiveError, match=f"the archive cannot be written: {tmp_path}/kept: File exists"):
        await collect(access, tmp_path)


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "kept").write_text("old")
    with pytest.raises(ArchiveError, match=r"cannot be written: .*: File exists"):
        FolderStore(tmp_path).put("kept", tmp_path / "new")
    assert (tmp_path / "kept").read_text() == "old"


def test_a_folder_on_a_file_server_that_is_not_mounted(tmp_path: Path) -> None:
    with (
        pytest.raises(ArchiveError, match=f"{tmp_path}/mnt is not there"),
        open_store(ArchiveSpec(folder="mnt/archive"), tmp_path, tmp_path),
    ):
        pass


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ArchiveError, match=f"the archive cannot be written: {tmp_path}/file is no folder"),
        open_store(ArchiveSpec(folder="file"), tmp_path, tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("spec", "place"),
    [(None, "default/x"), (ArchiveSpec(folder="here"), "here/x"), (ArchiveSpec(folder="/tmp"), "/tmp/x")],
)
def test_where_archives_go(spec: ArchiveSpec | None, place: str, tmp_path: Path) -> None:
    with open_store(spec, tmp_path, tmp_path / "default") as store:
        assert store.place("x") == str(tmp_path / place)
