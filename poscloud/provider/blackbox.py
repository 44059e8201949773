"""What the provider did last, kept only when it did not end by itself: killed, out of memory, or crashed.

Method and path of each change go to a file that is removed at every orderly end. What a change contains is not in it.
"""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

FOLDER = "provider-logs"
_PREFIX = "provider-"


class BlackBox:
    """The file of one provider process; does nothing where it cannot be written.

    Args:
        pulumi_home: The engine's PULUMI_HOME, under which it is kept; ``None`` for none at all.
    """

    def __init__(self, pulumi_home: Path | None) -> None:
        self._file: TextIO | None = None
        if pulumi_home is None:
            return
        path = pulumi_home / FOLDER / f"{_PREFIX}{os.getpid()}.log"
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError:
            return  # a full or read-only disk is no reason not to deploy
        self._path, self._file = path, os.fdopen(descriptor, "w", buffering=1)
        faulthandler.enable(self._file)

    def note(self, text: str) -> None:
        """Write one line with the time."""
        if self._file is not None:
            try:
                self._file.write(f"{time.strftime('%H:%M:%S')} {text}\n")
            except OSError:
                self._file = None

    def ended(self) -> None:
        """The process ends as it should: nothing is kept."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)


def of_dead(pulumi_home: Path) -> Iterator[Path]:
    """The files of provider processes that are gone and did not end by themselves, oldest first."""
    found = list((pulumi_home / FOLDER).glob(f"{_PREFIX}*.log"))
    for file in sorted(found, key=lambda f: f.stat().st_mtime):
        pid = file.stem.removeprefix(_PREFIX)
        if pid.isdigit() and not _lives(int(pid)):
            yield file


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
