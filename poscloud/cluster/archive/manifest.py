"""The manifest of an archive: each file with its checksum, each log with what became of it.

It is written last. A folder without one is an archive that was cut short.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from poscloud.errors import ArchiveError

NAME = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True)
class Subject:
    """Whose archive it is.

    Attributes:
        environment: The environment, which is also the namespace.
        stack: ``project/stack``.
        cluster: The cluster, in words.
    """

    environment: str
    stack: str
    cluster: str


@dataclass(frozen=True, order=True)
class FileEntry:
    """One file.

    Attributes:
        name: Its path in the archive.
        bytes: How many it has, as it is stored.
        sha256: Of the same bytes, as ``sha256sum`` prints it.
    """

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, order=True)
class LogEntry:
    """One log of one container.

    Attributes:
        pod: The pod.
        container: The container; init containers too.
        run: ``current`` or ``previous``.
        file: Where it is; empty when there is none.
        reason: Why there is none.
    """

    pod: str
    container: str
    run: str
    file: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Manifest:
    """What is in an archive.

    Attributes:
        subject: Whose it is.
        taken: When it was begun, UTC, as ISO 8601.
        files: Every file but the manifest.
        logs: Every log that there is, and why others are not.
        notes: What else could not be had, and why.
    """

    subject: Subject
    taken: str
    files: Sequence[FileEntry] = ()
    logs: Sequence[LogEntry] = ()
    notes: Sequence[str] = field(default=())

    def to_json(self) -> bytes:
        """Return it as it is stored."""
        data: dict[str, Any] = {"schema": SCHEMA, **asdict(self.subject), "taken": self.taken}
        data["notes"] = list(self.notes)
        data["files"] = [asdict(entry) for entry in sorted(self.files)]
        data["logs"] = [
            {key: value for key, value in asdict(entry).items() if value} for entry in sorted(self.logs)
        ]
        return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def files_of(data: bytes, where: str) -> list[FileEntry]:
    """Return the files that a stored manifest names.

    Args:
        data: The manifest as it was read.
        where: Its place, for messages.

    Raises:
        ArchiveError: It is none.
    """
    try:
        return [FileEntry(**entry) for entry in json.loads(data)["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{where} is no manifest of an archive: {type(error).__name__}: {error}") from None
