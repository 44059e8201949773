"""What sandboxes that were killed have left, found and removed without the program that made them.

The same as ``sandbox clean`` (``toolchain/sandbox/cgroups.go``), for when that program is gone: its cache was emptied,
or its project moved to a version that is not built yet.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from poscloud.local import processes
from poscloud.local.paths import ProjectPaths
from poscloud.local.realnodes.layout import cluster_id, run_folder

TIMEOUT = 5.0
"""Seconds that an earlier run may take to end, and processes to be gone after they were killed."""


def cgroups(paths: ProjectPaths) -> list[Path]:
    """Return the cgroups that this cluster's last run wrote down and that are still there.

    Args:
        paths: The project.
    """
    try:
        listed = json.loads((run_folder(paths) / "cgroups.json").read_text())
        folders = [Path(folder) for node in listed for folder in node]
    except (OSError, ValueError, TypeError):
        return []
    # Only this cluster's, whatever the file says: that of a copied project names those of the one it was copied from.
    ours = f"poscloud-{cluster_id(paths)}-n"
    return [folder for folder in folders if folder.name.startswith(ours) and folder.is_dir()]


def remove(paths: ProjectPaths) -> str:
    """End what is left in a run's cgroups and remove them; nothing is touched while a run is alive.

    Args:
        paths: The project.

    Returns:
        What cannot be removed and why; empty when nothing is left.
    """
    run = run_folder(paths)
    try:
        lock = os.open(run / "sandbox.lock", os.O_RDWR)
    except FileNotFoundError:
        return ""  # nothing ever ran
    except PermissionError:
        return f"{run / 'sandbox.lock'} is not yours"
    try:
        if not processes.wait_until(
            lambda: _take(lock), timeout=TIMEOUT
        ):  # an earlier run may be about to end
            return f"another run holds {run / 'sandbox.lock'}"
        processes.wait_until(lambda: not _remove_all(paths), timeout=TIMEOUT)
        left = _remove_all(paths)
        if not left:
            (run / "cgroups.json").unlink(missing_ok=True)
        return "; ".join(left)
    finally:
        os.close(lock)


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_all(paths: ProjectPaths) -> list[str]:
    """Kill and remove once; returns what is still there."""
    left = []
    for group in cgroups(paths):
        for folder in (*_deepest_first(group), group):
            _kill(folder)
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError as error:
                left.append(f"{folder}: {error.strerror}")
    return left


def _kill(group: Path) -> None:
    try:
        pids = [int(word) for word in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return
    for pid in pids:
        if pid > 0:  # 0 is one that cannot be seen from here, and to kill() all of ours
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _deepest_first(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                yield from _deepest_first(entry)
                yield entry
