"""Archives in a folder, which may be mounted from a file server (NFS)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from poscloud.cluster.archive.stores import PART
from poscloud.errors import ArchiveError


@dataclass(frozen=True)
class FolderStore:
    """A folder. What it makes in it only its owner can read: logs may hold anything.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    def place(self, name: str) -> str:
        """Return the file's path."""
        return str(self.folder / name)

    def put(self, name: str, source: Path) -> None:
        """Copy a file there, to the disk; see ``Store``."""
        file = self.folder / name
        try:
            for folder in (self.folder, *reversed(Path(name).parents)):
                (self.folder / folder).mkdir(
                    mode=0o700, exist_ok=True
                )  # with parents=True, only the last is private
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as there, source.open("rb") as here:
                shutil.copyfileobj(here, there, PART)
                there.flush()
                os.fsync(descriptor)
            _sync(file.parent)
        except OSError as error:
            raise ArchiveError(
                f"the archive cannot be written: {error.filename or file}: {error.strerror or error}",
                hint=f"ls -ld {self.folder}; df -h {self.folder}",
            ) from None

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file from the disk or the file server, not from this machine's memory; see ``Store``."""
        file = self.folder / name
        try:
            with file.open("rb") as there:
                if hasattr(os, "posix_fadvise"):
                    os.posix_fadvise(there.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                while part := there.read(PART):
                    yield part
        except OSError as error:
            raise ArchiveError(
                f"the archive cannot be read back: {file}: {error.strerror or error}", hint=f"ls -l {file}"
            ) from None

    def discard(self, folder: str) -> None:
        """Remove a folder as far as that is possible; see ``Store``."""
        shutil.rmtree(self.folder / folder, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def open_folder(folder: Path) -> Iterator[FolderStore]:
    """Open a folder; it need not be there yet, but a mount point's parent is never made.

    Raises:
        ArchiveError: Its parent is not there, or it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ArchiveError(
            f"the archive cannot be written: {folder} is no folder",
            hint="where archives go, `archive` in the environment's description says",
        )
    if not folder.parent.is_dir():
        raise ArchiveError(
            f"the archive's folder cannot be made: {folder.parent} is not there",
            hint="mount it, or make it; where archives go, `archive` in the environment's description says",
        )
    yield FolderStore(folder)
