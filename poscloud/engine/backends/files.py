"""The embedded state, or any other ``file://`` backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError


@dataclass(frozen=True)
class FileStore:
    """A folder.

    Attributes:
        folder: The one the engine's address names; it holds ``.pulumi``.
    """

    folder: Path

    def keys(self, folder: str) -> list[str]:
        """Return the files below a folder."""
        found = (file for file in (self.folder / folder).rglob("*") if file.is_file())
        return sorted(str(file.relative_to(self.folder)) for file in found)

    def read(self, key: str) -> bytes | None:
        """Return a file's content."""
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, key: str, content: bytes) -> None:
        """Write a file as a whole or not at all, and make its folder."""
        file = self.folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            with draft.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """Remove a file."""
        (self.folder / key).unlink(missing_ok=True)


@contextmanager
def open_files(folder: Path, what: str = "the state backend") -> Iterator[FileStore]:
    """Open a folder; it need not be there yet.

    Args:
        folder: The folder.
        what: What it holds, for messages.

    Raises:
        DeployError: A file of it cannot be read or removed.
    """
    try:
        yield FileStore(folder)
    except OSError as error:
        file = error.filename or folder
        raise DeployError(
            f"{what} cannot be read or written: {file}: {error.strerror}",
            hint=f"run: ls -ld {file}",
        ) from error
