"""In which container an engine was started: the engine's lock has its host's name and its pid, and neither tells.

``docker run --network host`` gives a container the name of its machine, and process numbers of its own. Where a pid is
not there, the engine may live in another container, or on the machine itself; from inside a container neither is seen.
So what poscloud starts inside of one is noted, in ``.poscloud/engines``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from poscloud.local.paths import ProjectPaths, private_directory, write_private

_MACHINE = "pid:[4026531836]"
"""The pid namespace that no container has; a fixed number (Linux, ``include/linux/proc_ns.h``, PROC_PID_INIT_INO)."""

_SLACK_SECONDS = 2
"""A lock's time may be cut to whole seconds, and a file's time comes from a coarse clock."""


def here() -> str:
    """Return what identifies this container as long as it lives; empty outside of containers, and without Linux."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
        if namespace == _MACHINE:
            return ""
        # Numbers of namespaces are used again, so the start of the first process goes with them.
        began = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return f"{boot} {namespace} {began}"


def note(paths: ProjectPaths, pid: int) -> None:
    """Note that an engine was started here; does nothing outside of containers."""
    if place := here():
        with suppress(OSError):  # then a lock it leaves has to be removed by its id
            write_private(private_directory(paths.owned / "engines") / str(pid), place)


def forget(paths: ProjectPaths, pid: int) -> None:
    """An engine has ended by itself: what it had locked is unlocked."""
    with suppress(OSError):
        (paths.owned / "engines" / str(pid)).unlink(missing_ok=True)


def is_own(paths: ProjectPaths, pid: int, since: datetime) -> bool:
    """Whether the process of a lock of this host has its number here, and not in another container."""
    place = here()
    if not place:
        return True  # what runs in containers of this machine is seen from here
    noted = paths.owned / "engines" / str(pid)
    try:
        began = datetime.fromtimestamp(noted.stat().st_mtime - _SLACK_SECONDS, UTC)
        text = noted.read_text()
        # Of another boot of this host nothing lives any more.
        return since >= began and (text == place or text.split()[0] != place.split()[0])
    except (OSError, IndexError):
        return False


def runs_below(pid: int, command: str) -> bool:
    """Whether a program has this number in a container of this machine: from outside, all its processes are seen."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            numbers = status.read_text().partition("\nNSpid:")[2].partition("\n")[0].split()
            if len(numbers) > 1 and numbers[-1] == str(pid):
                line = status.with_name("cmdline").read_bytes().decode(errors="replace")
                if command in line:
                    return True
        except OSError:
            continue
    return False
