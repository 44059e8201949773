"""Files into a container and out of it: the scripts that run there, run here, and what comes back."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from poscloud.cluster.remote.archives import NOTHING_DONE, READ, WRITE, pack, unpack
from poscloud.engine.manual.copying import read
from poscloud.errors import DeployError, PosCloudError, UsageError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder"
    (folder / "deep" / "empty").mkdir(parents=True)
    (folder / "one").write_bytes(b"\0\xff\r\n" * 100_000)
    (folder / "deep" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "deep" / "run.sh").chmod(0o755)
    (folder / "-rf").write_text("an option?")
    os.link(folder / "one", folder / "deep" / "same")
    (folder / "outside").symlink_to("/etc/passwd")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def wanted(source: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(source).items() if name != "outside"}


def put(source: Path, target: str, cut: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Do what happens in the container when something is copied into it."""
    archive = io.BytesIO()
    pack(source, archive)
    data = archive.getvalue()
    kind = "folder" if source.is_dir() else "file"
    words = ["sh", "-c", WRITE, "poscloud-cp", target, source.name, kind, str(len(data))]
    return subprocess.run(words, input=data[: len(data) - cut], capture_output=True, check=False)


def get(path: str) -> io.BytesIO:
    return io.BytesIO(subprocess.run(["sh", "-c", READ, "x", path], capture_output=True, check=True).stdout)


@pytest.mark.parametrize("into", ["there/", "there", "there/other"])
def test_a_folder_goes_there_and_comes_back_as_it_was(tmp_path: Path, source: Path, into: str) -> None:
    (tmp_path / "there").mkdir()
    done = put(source, f"{tmp_path}/{into}")
    assert (done.returncode, done.stderr) == (0, b"")
    there = tmp_path / "there" / ("other" if into == "there/other" else source.name)
    assert files(there) == wanted(source)
    assert (there / "deep" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert [f.name for f in (tmp_path / "there").iterdir()] == [there.name], "nothing is left over"
    taken = unpack(get(str(there)), tmp_path / "back", there.name)
    assert files(tmp_path / "back") == wanted(source)
    assert (tmp_path / "back" / "deep" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (taken.files, taken.left) == (4, ())


def test_one_file_goes_into_a_folder_over_a_file_or_gets_a_name(tmp_path: Path, source: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "old").write_text("old")
    for target, name in (("there", "one"), ("there/old", "old"), ("there/new", "new")):
        assert put(source / "one", str(tmp_path / target)).returncode == 0
        assert (tmp_path / "there" / name).read_bytes() == (source / "one").read_bytes()
    back = tmp_path / "back"
    back.mkdir()
    assert str(unpack(get(str(tmp_path / "there" / "new")), back, "new")) == "1 file, 400000 bytes"
    assert files(back) == {"new": (source / "one").read_bytes()}


def test_a_folder_that_is_there_keeps_what_it_has_besides(tmp_path: Path, source: Path) -> None:
    for here in ("there", "back"):
        (tmp_path / here / source.name / "deep").mkdir(parents=True)
        (tmp_path / here / source.name / "deep" / "mine").write_text("mine")
        (tmp_path / here / source.name / "one").write_text("old")
    assert put(source, str(tmp_path / "there")).returncode == 0
    unpack(get(str(source)), tmp_path / "back", source.name)
    for here in ("there", "back"):
        assert files(tmp_path / here / source.name) == {**wanted(source), "deep/mine": b"mine"}


@pytest.mark.parametrize("cut", [1, 1024, 15_000, 300_000])
def test_what_arrives_in_part_is_as_if_nothing_came(tmp_path: Path, source: Path, cut: int) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "one").write_text("old")
    done = put(source / "one", str(tmp_path / "there"), cut=cut)
    if done.returncode:  # the end of an archive is padding, without which it is whole
        assert done.returncode == NOTHING_DONE
        assert files(tmp_path / "there") == {"one": b"old"}
    assert done.returncode or cut < 10_240
    assert [f.name for f in (tmp_path / "there").iterdir()] == ["one"]


def test_what_does_not_fit_is_refused_and_nothing_done(tmp_path: Path, source: Path) -> None:
    (tmp_path / "there" / "one").mkdir(parents=True)
    (tmp_path / "there" / source.name).write_text("a file")
    for what, target, told in (
        (source / "one", "there", b"there/one is a folder"),
        (source, "there", b"is no folder"),
        (source, "missing/", b"no such folder"),
        (source, "missing/below", b"no such folder"),
    ):
        done = put(what, f"{tmp_path}/{target}")
        assert (done.returncode, told in done.stderr) == (NOTHING_DONE, True), done.stderr
    with pytest.raises(subprocess.CalledProcessError) as caught:
        get(str(tmp_path / "missing"))
    assert caught.value.returncode == NOTHING_DONE
    with pytest.raises(PosCloudError, match="is no folder"):
        unpack(get(str(source)), tmp_path / "there", source.name)


def archive_of(*members: tuple[str, bytes, bytes]) -> io.BytesIO:
    """Return an archive as a bad container may make it: names, types, content or where a link leads."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
            else:
                info.linkname = content.decode()
            tar.addfile(info, io.BytesIO(content))
    found.seek(0)
    return found


FOLDER = (".", tarfile.DIRTYPE, b"")


@pytest.mark.parametrize("name", ["../evil", "./a/../../evil", "/tmp/poscloud-evil"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    evil = archive_of(FOLDER, ("./good", tarfile.REGTYPE, b"good"), (name, tarfile.REGTYPE, b"evil"))
    with pytest.raises(PosCloudError, match="leads out of its folder; nothing was written"):
        unpack(evil, tmp_path / "in" / "to", "x")
    assert list((tmp_path / "in").iterdir()) == [] and not Path("/tmp/poscloud-evil").exists()


def test_no_link_from_a_pod_is_made_nor_followed(tmp_path: Path) -> None:
    links = archive_of(
        FOLDER, ("./out", tarfile.SYMTYPE, str(tmp_path).encode()), ("./out/evil", tarfile.REGTYPE, b"evil"),
        ("./device", tarfile.CHRTYPE, b""),
    )  # fmt: skip
    taken = unpack(links, tmp_path / "to", "x")
    assert taken.left == ("out", "device")
    assert files(tmp_path) == {"to/out/evil": b"evil"}
    hard = archive_of(FOLDER, ("./passwd", tarfile.LNKTYPE, b"/etc/passwd"))
    with pytest.raises(DeployError, match="nothing was written"):
        unpack(hard, tmp_path / "hard", "x")
    assert not (tmp_path / "hard").exists()


def test_hard_links_take_what_their_file_has_and_no_more_than_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def links() -> io.BytesIO:
        return archive_of(
            FOLDER, ("./loop", tarfile.SYMTYPE, b"loop"), ("./same", tarfile.LNKTYPE, b"./loop"),
            ("./large", tarfile.REGTYPE, b"x" * 1000),
            *((f"./{number}", tarfile.LNKTYPE, b"./large") for number in range(9)),
        )  # fmt: skip

    taken = unpack(links(), tmp_path / "to", "x")
    assert (taken.files, taken.size, taken.left) == (10, 10_000, ("loop", "same"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=9_999))
    with pytest.raises(PosCloudError, match="10000 bytes do not fit"):
        unpack(links(), tmp_path / "other", "x")


def test_a_file_is_taken_by_a_link_that_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "app-1.log").write_text("one")
    (tmp_path / "app.log").symlink_to("app-1.log")
    assert unpack(get(str(tmp_path / "app.log")), tmp_path / "to", "app.log").files == 1
    assert (tmp_path / "to").read_text() == "one" and not (tmp_path / "to").is_symlink()


def test_a_folder_that_another_copy_uses_stays(tmp_path: Path, source: Path) -> None:
    archive = io.BytesIO()
    pack(source / "one", archive)
    begin = 'mkdir "$0/.poscloud-cp-$$"; echo kept > "$0/.poscloud-cp-$$/data"; exec sh -c "$@"'
    words = [WRITE, "poscloud-cp", str(tmp_path), "one", "file", str(len(archive.getvalue()))]
    done = subprocess.run(
        ["sh", "-c", begin, str(tmp_path), *words], input=archive.getvalue(), capture_output=True, check=False
    )
    assert done.returncode == NOTHING_DONE
    assert [f.read_text() for f in tmp_path.glob(".poscloud-cp-*/data")] == ["kept\n"]


def test_a_link_in_a_folder_of_this_machine_is_not_written_through(tmp_path: Path, source: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "to" / source.name).mkdir(parents=True)
    (tmp_path / "to" / source.name / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PosCloudError, match="is a link that leads out of"):
        unpack(get(str(source)), tmp_path / "to", source.name)
    assert files(tmp_path / "elsewhere") == {} and not (tmp_path / "to" / source.name / "one").exists()


@pytest.mark.parametrize("data", [b"", b"no archive", b"\0" * 10240])
def test_what_is_no_archive_is_told(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DeployError, match="nothing was written"):
        unpack(io.BytesIO(data), tmp_path / "to", "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("a", "b"), "one of 'a' and 'b' has to be in a pod"),
        (("a:/x", "b:/y"), "one of 'a:/x' and 'b:/y' has to be in a pod"),
        (("a:", "b"), "'a:' has no path"),
        (("./a:b", "missing:/x"), "there is no ./a:b"),
        (("/dev/null", "a:/x"), "/dev/null is neither a file nor a folder"),
    ],
)
def test_words_that_name_no_copy_are_told(words: tuple[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read(*words)


def test_words_say_what_goes_where(tmp_path: Path) -> None:
    (tmp_path / "f:g").touch()
    assert (read("api:-rf", ".").there, read("api:..", ".").name) == ("./-rf", "api")
    into = read(str(tmp_path / "f:g"), "api:/tmp/")
    assert (into.into, into.service, into.path, into.name) == (True, "api", "/tmp/", "f:g")
