"""Files on their way into a container and out of it: tar archives, and the scripts that make and take them there."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from poscloud.errors import DeployError, PosCloudError

NOTHING_DONE = 73
"""Exit code of a script that left everything as it was."""

DATA, COMPLETE = "data", "complete"
"""Names in an archive that goes into a container; the second comes last: tar is content with an archive that is cut."""

READ = """\
set -eu
[ -e "$1" ] || { echo "no such file or folder: $1" >&2; exit 73; }
command -v tar > /dev/null || { echo "the image has no tar" >&2; exit 73; }
if [ -d "$1" ]; then cd "$1"; exec tar cf - .; fi
cd "$(dirname "$1")"
exec tar chf - "./$(basename "$1")"
"""
"""Writes an archive of what ``$1`` is, or what it leads to as a link."""

# By its size, not by its end: a node that is simulated tells no command that its input is over.
WRITE = """\
set -eu
to=$1 name=$2 kind=$3 size=$4 new= changes=
end() {
  code=$?
  trap - EXIT
  [ -z "$new" ] || rm -rf "$new"
  [ $code -eq 0 ] || [ "$changes" ] || exit 73
  exit $code
}
trap end EXIT
trap 'exit 1' HUP INT TERM
fail() { echo "$1" >&2; exit 1; }
command -v tar > /dev/null || fail "the image has no tar"
case $to in
  */) [ -d "$to" ] || fail "no such folder: $to" ;;
esac
if [ -d "$to" ]; then folder=$to at=${to%/}/$name; else folder=$(dirname "$to") at=$to; fi
[ -d "$folder" ] || fail "no such folder: $folder"
[ "$kind" = file ] && [ -d "$at" ] && fail "$at is a folder"
[ "$kind" = folder ] && [ -e "$at" ] && [ ! -d "$at" ] && fail "$at is no folder"
mkdir "$folder/.poscloud-cp-$$" # what is there already is another one's, and stays
new=$folder/.poscloud-cp-$$
head -c "$size" | tar xof - -C "$new"
[ -e "$new/complete" ] || fail "the archive did not arrive as a whole"
changes=yes
if [ -d "$at" ]; then cp -Rpf "$new/data/." "$at/"; else mv -f "$new/data" "$at"; fi
"""
"""Takes an archive of ``$4`` bytes from its input: a folder or file (``$3``) named ``$2``, to ``$1``; all of it, or
nothing."""


@dataclass(frozen=True)
class Taken:
    """What was copied.

    Attributes:
        files: How many files.
        size: Their bytes.
        left: Names of what was left out: links and devices.
    """

    files: int
    size: int
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        size = f"{self.size / 2**20:.1f} MiB" if self.size >= 2**20 else f"{self.size} bytes"
        return f"{self.files} file{'' if self.files == 1 else 's'}, {size}"


def pack(source: Path, archive: IO[bytes]) -> Taken:
    """Write an archive of a file or folder for ``WRITE``.

    Raises:
        PosCloudError: Something cannot be read.
    """
    sizes: list[int] = []
    left: list[str] = []

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if not (info.isfile() or info.isdir() or info.islnk()):
            left.append(info.name.removeprefix(f"{DATA}/"))
            return None
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mode &= 0o777
        if info.isfile():
            sizes.append(info.size)
        return info

    try:
        with tarfile.open(fileobj=archive, mode="w", dereference=False, format=tarfile.GNU_FORMAT) as tar:
            tar.add(source.resolve(), DATA, filter=plain)
            tar.addfile(tarfile.TarInfo(COMPLETE))
    except OSError as error:
        raise PosCloudError(
            f"{error.filename or source} cannot be read: {error.strerror}", hint=f"ls -ld {source}"
        ) from None
    return Taken(len(sizes), sum(sizes), tuple(left))


def unpack(archive: IO[bytes], target: Path, name: str) -> Taken:
    """Put what is in an archive of ``READ`` to ``target``, or into it where that is a folder; all of it, or nothing.

    Args:
        archive: The archive, to be read from its start.
        target: Where to.
        name: What it is called in a folder.

    Raises:
        PosCloudError: A name leads out of the target, it does not fit there, or it cannot be written.
        DeployError: It is no archive, or not a whole one.
    """
    at = target / name if target.is_dir() else target
    parent = at.absolute().parent
    if not parent.is_dir():
        raise PosCloudError(f"there is no folder {parent}", hint=f"mkdir -p {parent}")
    try:
        with tarfile.open(fileobj=archive, mode="r:") as tar, _beside(parent) as new:
            members, left = _checked(tar.getmembers())
            _refuse_large(members, parent)
            taken = Taken(*_extract(tar, members, new / DATA), left)
            _move(new / DATA, at)
            return taken
    except tarfile.TarError as error:
        raise DeployError(
            f"what came is no whole archive: {error}; nothing was written", hint="run it again"
        ) from None
    except OSError as error:
        raise PosCloudError(
            f"{at} cannot be written: {error.strerror or error}", hint=f"ls -ld {parent}"
        ) from None


@contextmanager
def _beside(parent: Path) -> Iterator[Path]:
    new = tempfile.mkdtemp(prefix=".poscloud-cp-", dir=parent)
    try:
        yield Path(new)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@dataclass(frozen=True)
class _Member:
    """A file or folder of an archive.

    Attributes:
        info: What the archive has of it.
        content: The member with its content: another one of a hard link.
    """

    info: tarfile.TarInfo
    content: tarfile.TarInfo


def _checked(members: list[tarfile.TarInfo]) -> tuple[list[_Member], tuple[str, ...]]:
    """Return the members that are files and folders, and the names of the others.

    Raises:
        PosCloudError: A name leads somewhere else.
        TarError: A link leads to what the archive does not have.
    """
    good: list[_Member] = []
    left: list[str] = []
    known: dict[PurePosixPath, tarfile.TarInfo] = {}
    for member in members:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise PosCloudError(
                f"the archive from the pod has '{member.name}', which leads out of its folder; nothing was written",
                hint="whoever can write in that container made it so; look at it with poscloud exec",
            )
        content: tarfile.TarInfo | None = member
        if member.islnk() and (content := known.get(PurePosixPath(member.linkname))) is None:
            raise tarfile.ExtractError(f"{member.name} leads to {member.linkname}, which it does not have")
        known[path] = content or member
        if content and (content.isfile() or content.isdir()):
            good.append(_Member(member, content))
        else:
            left.append(member.name.removeprefix("./"))
    return good, tuple(left)


def _refuse_large(members: list[_Member], parent: Path) -> None:
    size, room = sum(member.content.size for member in members), shutil.disk_usage(parent).free
    if size > room:
        raise PosCloudError(
            f"{size} bytes do not fit into {parent}, which has {room} left", hint=f"df -h {parent}"
        )


def _extract(tar: tarfile.TarFile, members: list[_Member], to: Path) -> tuple[int, int]:
    """Write members to a file or folder that is not there yet; return how many files, and their bytes."""
    files = size = 0
    is_folder = bool(members) and members[0].content.isdir()
    mask = os.umask(0)
    os.umask(mask)
    for member in members:
        info = member.info
        file = to / info.name if is_folder else to
        if member.content.isdir():
            file.mkdir(parents=True, exist_ok=True)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        data = tar.extractfile(member.content)
        if data is None:
            continue
        with data, file.open("wb") as out:
            shutil.copyfileobj(data, out, 1 << 20)
            size += out.tell()
        files += 1
        file.chmod((stat.S_IMODE(info.mode) & 0o777 | 0o600) & ~mask)
        os.utime(file, (info.mtime, info.mtime))
    return files, size


def _move(new: Path, at: Path) -> None:
    """Put what was written where it belongs; into a folder that is there already, file by file.

    Raises:
        PosCloudError: There is something else, or a link in that folder leads out of it.
    """
    if not new.exists():
        raise DeployError("what came is an empty archive; nothing was written", hint="run it again")
    if not new.is_dir() or not at.exists():
        if at.is_dir():
            raise PosCloudError(f"{at} is a folder", hint="name a file, or another folder")
        new.rename(at)
        return
    if not at.is_dir():
        raise PosCloudError(f"{at} is no folder", hint="name another one")
    inside = at.resolve()
    files = sorted(new.rglob("*"))
    for file in files:
        there = at / file.relative_to(new)
        if not there.parent.resolve().is_relative_to(inside):
            raise PosCloudError(
                f"{there.parent} is a link that leads out of {at}; nothing was written",
                hint="remove that link",
            )
        if there.exists() and there.is_dir() != file.is_dir():
            raise PosCloudError(
                f"{there} is there as something else; nothing was written", hint=f"ls -ld {there}"
            )
    for file in files:
        there = at / file.relative_to(new)
        if file.is_dir():
            there.mkdir(exist_ok=True)
        else:
            file.replace(there)
