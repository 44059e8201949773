"""What the provider did last, kept only when it did not end by itself: killed, out of memory, or crashed.

Method and path of each change go to a file that is removed at every orderly end. What a change contains is not in it.
"""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

FOLDER = "provider-logs"
_PREFIX = "provider-"

KEPT_SECONDS = 3600
"""How long the file of a provider that died is kept at least."""


class BlackBox:
    """The file of one provider process; does nothing where it cannot be written.

    Args:
        pulumi_home: The engine's PULUMI_HOME, under which it is kept; ``None`` for none at all.
    """

    def __init__(self, pulumi_home: Path | None) -> None:
        self._file: TextIO | None = None
        if pulumi_home is None:
            return
        path = pulumi_home / FOLDER / f"{_PREFIX}{os.getppid()}-{os.getpid()}.log"
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


def of_dead(pulumi_home: Path, engine: int, since: float) -> Iterator[Path]:
    """The files of providers of one engine that are gone and did not end by themselves, oldest first.

    Args:
        pulumi_home: The engine's PULUMI_HOME; all stacks of a checkout have it in common.
        engine: pid of the engine, which started them.
        since: When that was (``time.time``): in containers numbers are used again soon.
    """
    for file, parent, pid in _files(pulumi_home):
        with suppress(FileNotFoundError):
            if parent == engine and not _lives(pid) and file.stat().st_mtime >= since:
                yield file


def forget_dead(pulumi_home: Path) -> None:
    """Remove the files of those that are gone, with their engines, for an hour: nobody is about to tell of them."""
    for file, parent, pid in _files(pulumi_home):
        with suppress(FileNotFoundError):
            if not _lives(parent) and not _lives(pid) and time.time() - file.stat().st_mtime > KEPT_SECONDS:
                file.unlink()


def _files(pulumi_home: Path) -> Iterator[tuple[Path, int, int]]:
    """Every file, with the pid of the engine and of the provider, oldest first."""
    found = []
    for file in (pulumi_home / FOLDER).glob(f"{_PREFIX}*.log"):
        parent, _, pid = file.stem.removeprefix(_PREFIX).partition("-")
        with suppress(FileNotFoundError):
            if parent.isdigit() and pid.isdigit():
                found.append((file.stat().st_mtime_ns, file, int(parent), int(pid)))
    for _, file, engine, provider in sorted(found):
        yield file, engine, provider


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
