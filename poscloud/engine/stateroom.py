"""Room for the state: a ``file://`` backend that can be written, on a disk that is not full."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from poscloud.errors import DeployError

TIMES = 10
"""Free space that a run needs, in sizes of the state: the file, its backup, a copy at the end, and what it grows by."""

LEAST = 256 << 10
"""Free space, in bytes, that a run needs at least: a new stack's state grows from nothing."""


def refuse_no_room(file: Path | None, stack: str) -> None:
    """Refuse a run whose state could not be written.

    Args:
        file: Where the state is, or will be; ``None`` when the backend keeps no files.
        stack: Its stack.

    Raises:
        DeployError: No permission, a read-only file system, or too little space; names path and free bytes.
    """
    if file is None:
        return
    folder = _existing(file.parent)
    try:
        # Permission bits say nothing of a read-only file system, nor of what root may do.
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".poscloud-"):
            pass
    except OSError as error:
        raise DeployError(
            f"the state of stack {stack} cannot be written: {folder}: {error.strerror}",
            hint=f"run: ls -ld {folder}   (its owner and mode; mount | grep shows a read-only disk)",
        ) from error
    free, needed = free_bytes(folder), needed_bytes(file)
    if free < needed:
        raise DeployError(
            f"too little space for the state of stack {stack}: {folder} has {free} bytes free, a run needs {needed}",
            hint=f"make room (run: df -h {folder}), or keep the state elsewhere: PULUMI_BACKEND_URL",
        )


def needed_bytes(file: Path) -> int:
    """Return how much space a run on a state file needs."""
    return max(LEAST, TIMES * file.stat().st_size if file.exists() else 0)


def free_bytes(folder: Path) -> int:
    """Return how many bytes this user may still write in a folder."""
    return shutil.disk_usage(folder).free


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return Path(os.path.realpath(folder))
