"""The machine-wide cache: each entry appears complete or not at all, and is made by one process at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poscloud.local.locks import exclusive
from poscloud.local.progress import Reporter


@contextmanager
def claim(entry: Path, reporter: Reporter) -> Iterator[Path | None]:
    """Make a cache entry, unless it is there or another process makes it first.

    The context gives an empty folder to fill; when it ends well the folder becomes the entry, in one step. It
    gives ``None`` when the entry is there already. What a killed process left is cleared by the next one.

    Args:
        entry: The folder to make.
        reporter: Told whom this process waits for.
    """
    if entry.is_dir():
        yield None
        return
    entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(entry.parent / f".{entry.name}.lock", reporter, purpose=entry.name):
        # The lock is held: whatever partial folder lies here, its maker is gone.
        for leftover in entry.parent.glob(f".{entry.name}.partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if entry.is_dir():
            yield None
            return
        partial = entry.parent / f".{entry.name}.partial-{os.getpid()}"
        partial.mkdir()
        try:
            yield partial
            os.rename(partial, entry)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
