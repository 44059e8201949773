"""Reading the control plane's logs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROTATE_AT = 20 * 1024 * 1024
POLL = 0.2


def rotate(log: Path) -> int:
    """Put a large log aside before its program starts again; returns where the new words will begin."""
    size = log.stat().st_size if log.exists() else 0
    if size > ROTATE_AT:
        log.replace(log.with_suffix(".log.1"))
        return 0
    return size


def tail(log: Path, lines: int, *, start: int = 0) -> list[str]:
    """The last lines after the byte ``start``; none when there is no such log."""
    if lines <= 0 or not log.exists():
        return []
    size = log.stat().st_size
    # A line of the audit log has about 1 KiB; this reads enough for all but absurd ones.
    begin = max(start, size - lines * 4096)
    with log.open("rb") as file:
        file.seek(begin)
        found = file.read().decode(errors="replace").splitlines()
    # The first one is cut off unless the reading began at a line's start.
    return (found[1:] if begin > start else found)[-lines:]


def read(log: Path, *, follow: bool, lines: int) -> Iterator[str]:
    """The last lines, and with ``follow`` all that come later, for as long as the caller asks."""
    size = log.stat().st_size
    yield from tail(log, lines)
    position = size
    rest = b""
    while follow:
        size = log.stat().st_size if log.exists() else 0
        if size < position:
            # Rotated: begin with the new file.
            position, rest = 0, b""
        if size > position:
            with log.open("rb") as file:
                file.seek(position)
                rest += file.read()
            position = size
            *complete, rest = rest.split(b"\n")
            yield from (line.decode(errors="replace") for line in complete)
        else:
            time.sleep(POLL)


def read_all(files: Sequence[Path], *, follow: bool, lines: int) -> Iterator[str]:
    """The same of several logs, each line with its log's name in front; of one alone, its lines as they are."""
    if len(files) == 1:
        yield from read(files[0], follow=follow, lines=lines)
        return
    names = {file: file.name.removesuffix(".log") for file in files}
    positions = {file: file.stat().st_size for file in files}
    for file in files:
        yield from (f"{names[file]}: {line}" for line in tail(file, lines))
    while follow:
        quiet = True
        for file in files:
            grown, positions[file] = _grown(file, positions[file])
            yield from (f"{names[file]}: {line}" for line in grown)
            quiet = quiet and not grown
        if quiet:
            time.sleep(POLL)


def _grown(log: Path, position: int) -> tuple[list[str], int]:
    """The whole lines after a position, and where the next one begins."""
    try:
        size = log.stat().st_size
        if size == position:
            return [], position
        begin = position if size > position else 0
        with log.open("rb") as file:
            file.seek(begin)
            text = file.read()
    except FileNotFoundError:  # moved away because it was large, and not there again yet
        return [], 0
    whole = text[: text.rfind(b"\n") + 1]
    return whole.decode(errors="replace").splitlines(), begin + len(whole)
