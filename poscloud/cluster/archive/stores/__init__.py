"""Where archives are kept: a folder of this machine or mounted from a file server, or an S3-compatible store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from poscloud.spec import ArchiveSpec

PART = 1024 * 1024
"""Bytes that are read at a time."""


class Store(Protocol):
    """Somewhere to keep files. Its methods are called from several threads at once."""

    def place(self, name: str) -> str:
        """Return where a file is, for people."""

    def put(self, name: str, source: Path) -> None:
        """Store a file that is not there yet, so that it outlives a failure of power.

        Raises:
            ArchiveError: It cannot be written.
        """

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a stored file in parts.

        Raises:
            ArchiveError: It cannot be read.
        """

    def discard(self, folder: str) -> None:
        """Remove the files below a folder that are there, of an archive that was not finished; says nothing."""


def open_store(spec: ArchiveSpec | None, root: Path, default: Path) -> AbstractContextManager[Store]:
    """Open the store of an environment.

    Args:
        spec: What its description says.
        root: The project, to which a folder is relative.
        default: The folder where the description says nothing.

    Raises:
        ArchiveError: It cannot be opened.
    """
    if spec is not None and spec.s3:
        from poscloud.cluster.archive.stores.s3 import open_s3

        return open_s3(spec.s3)
    from poscloud.cluster.archive.stores.folder import open_folder

    return open_folder(root / Path(spec.folder).expanduser() if spec and spec.folder else default)
