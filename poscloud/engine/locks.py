"""Locks that a killed run left on the embedded state.

The engine's file backend marks a running update by a file that names its process, and never looks whether that
process still lives: after a kill every later run is refused until somebody cancels by hand.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from poscloud.engine.stackconfig import project_name
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths


@dataclass(frozen=True)
class Lock:
    """One lock.

    Attributes:
        file: Where it is kept.
        pid: The process that took it.
        host: The machine of that process.
        user: Its user.
        since: When it was taken, as the engine wrote it.
    """

    file: Path
    pid: int
    host: str
    user: str
    since: str

    @property
    def stale(self) -> bool:
        """Whether its process is surely gone: it was on this machine, and no engine has its number now."""
        return self.host == socket.gethostname() and not _is_engine(self.pid)

    def __str__(self) -> str:
        return f"pid {self.pid} of {self.user} on {self.host}, since {self.since}"


def release_stale_locks(paths: ProjectPaths, stack: str) -> list[Lock]:
    """Remove the locks of killed runs from the embedded state of ``stack``, and return them.

    Raises:
        DeployError: A run that may still live holds the stack.
    """
    folder = paths.state / ".pulumi" / "locks" / "organization" / project_name(paths.root) / stack
    locks = [lock for file in sorted(folder.glob("*.json")) if (lock := _read(file)) is not None]
    for lock in locks:
        if not lock.stale:
            raise DeployError(
                f"stack {stack} is in use by {lock}",
                hint=f"wait for it to end; if it is surely gone: pulumi cancel --yes -s {stack}",
            )
    for lock in locks:
        lock.file.unlink(missing_ok=True)
    return locks


def _read(file: Path) -> Lock | None:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return Lock(
            file, int(data["pid"]), str(data["hostname"]), str(data["username"]), str(data["timestamp"])
        )
    except FileNotFoundError:
        return None  # released just now
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeployError(
            f"{file} is not a lock the engine writes: {error}",
            hint=f"if no other run is under way: rm {file}",
        ) from error


def _is_engine(pid: int) -> bool:
    """Whether the process lives and is an engine; numbers are used again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    state, command = _seen(pid)
    # Only a process that is just being started, or is dead and not yet buried, has no command line.
    return state not in ("Z", "X", "") and (not command or "pulumi" in command)


def _seen(pid: int) -> tuple[str, str]:
    """Return a process's state letter and command line; both empty when there is no such process."""
    if Path("/proc/self/stat").exists():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            return state, Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return "", ""
    command = ["ps", "-o", "stat=,command=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    state, _, line = answer.strip().partition(" ")
    return state[:1], line
