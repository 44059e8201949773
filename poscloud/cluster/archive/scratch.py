"""Files on their way into an archive: written here, put there, forgotten here."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

from poscloud.cluster.archive.manifest import FileEntry
from poscloud.errors import ArchiveError

FASTEST = 1
"""zlib's level: most logs become a tenth, at the speed of a network."""

GZIP = zlib.MAX_WBITS | 16
"""zlib's word for the format of gzip; without a time or a name in it, the same log gives the same bytes."""

HEAD = 400
"""Bytes of the beginning that are kept to look at."""


class Scratch:
    """A file that is written from its beginning, once or, after a lost connection, again.

    Attributes:
        path: Where it is until it has been put into the store.
        name: What it is called in the archive; what ends in ``.gz`` is compressed.
        head: How it begins, not compressed.
        length: Bytes that were added, not compressed.

    Raises:
        ArchiveError: It cannot be made.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        try:
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except OSError as error:
            raise self._failed(error) from None
        self.begin()

    def begin(self) -> None:
        """Forget what was written so far."""
        self._file.seek(0)
        self._file.truncate()
        self._digest, self._stored, self.head, self.length = hashlib.sha256(), 0, b"", 0
        self._packer = zlib.compressobj(FASTEST, wbits=GZIP) if self.name.endswith(".gz") else None

    def add(self, data: bytes) -> None:
        """Write what comes next.

        Raises:
            ArchiveError: There is no room for it.
        """
        self.head += data[: max(0, HEAD - len(self.head))]
        self.length += len(data)
        self._store(self._packer.compress(data) if self._packer else data)

    def end(self) -> FileEntry:
        """Write the end, and return what the file is."""
        if self._packer:
            self._store(self._packer.flush())
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from None
        return FileEntry(self.name, self._stored, self._digest.hexdigest())

    def forget(self) -> None:
        """Remove it from here."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _store(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise self._failed(error) from None
        self._digest.update(data)
        self._stored += len(data)

    def _failed(self, error: OSError) -> ArchiveError:
        return ArchiveError(
            f"{self.name} cannot be written on its way into the archive: {self.path}: {error.strerror or error}",
            hint=f"df -h {self.path.parent}",
        )
