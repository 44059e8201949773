"""Reading an archive back, every byte of it, from where it is kept."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from poscloud.cluster.archive.manifest import NAME, FileEntry, files_of
from poscloud.cluster.archive.stores import Store
from poscloud.errors import ArchiveError

AT_ONCE = 8


@dataclass(frozen=True)
class Verified:
    """An archive that was read back.

    Attributes:
        place: Where it is.
        files: How many files it has, its manifest among them.
        bytes: How many bytes they have together.
    """

    place: str
    files: int
    bytes: int

    def __str__(self) -> str:
        files = "1 file" if self.files == 1 else f"{self.files} files"
        return f"{self.place} ({files}, {self.bytes} bytes, checksums read back)"


def verify(store: Store, folder: str, written: bytes | None = None) -> Verified:
    """Compare every file of an archive with the checksum in its manifest.

    Args:
        store: Where it is kept.
        folder: Which one.
        written: The manifest as it was written, if that is known; the stored one has to be the same.

    Raises:
        ArchiveError: A file cannot be read, or is another one than was written.
    """
    name = f"{folder}/{NAME}"
    manifest = b"".join(store.read(name))
    if written is not None and manifest != written:
        raise _differs(store.place(name), FileEntry(NAME, len(written), hashlib.sha256(written).hexdigest()),
                       len(manifest), hashlib.sha256(manifest).hexdigest())  # fmt: skip
    files = files_of(manifest, store.place(name))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda entry: _compare(store, folder, entry), files))
    return Verified(store.place(folder), len(files) + 1, len(manifest) + sum(entry.bytes for entry in files))


def _compare(store: Store, folder: str, entry: FileEntry) -> None:
    digest, length = hashlib.sha256(), 0
    for part in store.read(f"{folder}/{entry.name}"):
        digest.update(part)
        length += len(part)
    if (length, digest.hexdigest()) != (entry.bytes, entry.sha256):
        raise _differs(store.place(f"{folder}/{entry.name}"), entry, length, digest.hexdigest())


def _differs(place: str, entry: FileEntry, length: int, digest: str) -> ArchiveError:
    return ArchiveError(
        f"the archive differs when it is read back: {place} has {length} bytes, SHA-256 {digest}; written were "
        f"{entry.bytes} bytes, SHA-256 {entry.sha256}",
        hint="the store, or the way to it, loses or changes data; do not use it before that is mended",
    )
