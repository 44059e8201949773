"""One layer of an image: a tar archive of packages, folders and single files, the same for the same contents."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType
from typing import IO

from poscloud.errors import DeployError

MERGED = ("bin", "sbin", "lib", "lib64")
"""Folders that are links into ``usr``, as Debian installs them; its packages still have them as folders."""

UNUSED = (
    "usr/share/doc/*", "usr/share/man/*", "usr/share/info/*", "usr/share/locale/*", "usr/share/lintian/*",
    "usr/share/bash-completion/*", "usr/share/doc-base/*", "usr/share/bug/*", "usr/share/apport/*",
    "usr/share/applications/*", "usr/share/pixmaps/*", "usr/share/icons/*", "usr/share/zsh/*",
    "usr/share/menu/*", "usr/lib/systemd/*", "lib/systemd/*", "etc/init.d/*", "etc/systemd/*", "etc/logrotate.d/*",
    "etc/cron*/*", "usr/share/initramfs-tools/*", "usr/share/metainfo/*", "usr/share/perl5/Debian/*",
)  # fmt: skip
"""Files of packages that no container of ours reads."""

EPOCH = 1_700_000_000
"""Time of the files that have none of their own, so that a layer made twice is the same twice."""


class Layer:
    """A layer that is being written.

    Args:
        file: The archive.
    """

    def __init__(self, file: Path) -> None:
        self._tar = tarfile.open(file, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (it is one itself)
        self._seen: set[str] = set()

    def __enter__(self) -> Layer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tar.close()

    def package(self, archive: Path, drop: Iterable[str] = ()) -> None:
        """Add a Debian package's files, without what it would run when it is installed.

        Args:
            archive: The ``.deb``.
            drop: Patterns of paths to leave out.

        Raises:
            DeployError: The archive cannot be read.
        """
        patterns = [*UNUSED, *drop]
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|") as given:
                    for entry in given:
                        self._from_package(given, entry, patterns)
            except tarfile.TarError as error:
                raise DeployError(f"{archive.name} cannot be unpacked: {error}") from error
        if process.returncode != 0:
            raise DeployError(f"{archive.name} cannot be unpacked: dpkg-deb ended with {process.returncode}")

    def tree(self, source: Path, target: str) -> None:
        """Add a file, or all of a folder, as root's; its modes and times are kept.

        Args:
            source: The file or folder.
            target: Where it goes, such as ``/opt/app``.
        """
        if not source.is_dir():
            self._from_disk(source, _clean(target))
            return
        self._folder(_clean(target), 0o755)
        for path in sorted(source.rglob("*")):
            self._from_disk(path, f"{_clean(target)}/{path.relative_to(source)}")

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Add a file of root's."""
        entry = tarfile.TarInfo(_clean(path))
        entry.size, entry.mode = len(content), mode
        self._add(entry, io.BytesIO(content))

    def script(self, path: str, content: bytes) -> None:
        """Add a file that is executable if it begins as scripts do."""
        self.file(path, content, 0o755 if content.startswith(b"#!") else 0o644)

    def folder(self, path: str, owner: int = 0, mode: int = 0o755) -> None:
        """Add a folder, whose owner and mode count even if it is there already."""
        name = _clean(path)
        if not name:
            return
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, owner, owner
        self._parents(name)
        entry.mtime = EPOCH
        self._seen.add(name)
        self._tar.addfile(entry)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        entry = tarfile.TarInfo(_clean(path))
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        self._add(entry)

    def _from_package(self, given: tarfile.TarFile, entry: tarfile.TarInfo, patterns: list[str]) -> None:
        name = _clean(entry.name)
        if not name or name in MERGED or any(fnmatch(name, pattern) for pattern in patterns):
            return
        entry.name = name
        if entry.isdir():
            self._folder(entry.name, entry.mode & 0o1777)
            return
        if entry.islnk():
            entry.linkname = _clean(entry.linkname)
            if entry.linkname not in self._seen:
                return  # what it is another name of was left out
        entry.mode &= 0o777
        self._add(entry, given.extractfile(entry) if entry.isreg() else None)

    def _from_disk(self, path: Path, name: str) -> None:
        entry = self._tar.gettarinfo(path, name)
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = int(entry.mtime)
        if entry.isdir():
            self._folder(name, entry.mode & 0o777)
        elif entry.issym():
            self._add(entry)
        elif entry.isreg() or entry.islnk():
            entry.type, entry.size, entry.linkname = tarfile.REGTYPE, os.stat(path).st_size, ""
            with path.open("rb") as content:
                self._add(entry, content)

    def _folder(self, name: str, mode: int) -> None:
        """Add a folder of root's, unless it is there: its owner was said before."""
        if name not in self._seen:
            self.folder(name, mode=mode)

    def _add(self, entry: tarfile.TarInfo, content: IO[bytes] | None = None) -> None:
        if entry.name in self._seen:
            return
        self._parents(entry.name)
        entry.mtime = entry.mtime or EPOCH
        self._seen.add(entry.name)
        self._tar.addfile(entry, content)

    def _parents(self, name: str) -> None:
        for parent in reversed(Path(name).parents):
            if str(parent) != ".":
                self._folder(str(parent), 0o755)


def _clean(path: str) -> str:
    """Return a path as the archive has it: without a leading slash, and not through a link of ``MERGED``."""
    name = os.path.normpath("/" + path).lstrip("/")
    return f"usr/{name}" if "/" in name and name.split("/", 1)[0] in MERGED else name
