"""Locks on a stack's state.

The engine marks a running update by an object that names its process, and never looks whether that process still
lives: after a kill every later run is refused until somebody cancels by hand.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from poscloud.engine import unrecorded
from poscloud.engine.backends.store import BackendUnreadableError, Store, open_store
from poscloud.engine.container import is_own, runs_below
from poscloud.engine.stackconfig import project_name
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths

_ENGINE = "pulumi"
"""What the command line of an engine has in it."""


@dataclass(frozen=True)
class Lock:
    """One lock.

    Attributes:
        id: Its name in the backend, a UUID: what ``poscloud unlock`` takes.
        pid: The process that took it; 0 when it cannot be read.
        host: The machine of that process.
        user: Its user.
        since: When it was taken; ``None`` when it cannot be read.
        own: Whether its pid surely is one of this container, or of no container.
    """

    id: str
    pid: int = 0
    host: str = "?"
    user: str = "?"
    since: datetime | None = None
    own: bool = True

    @property
    def status(self) -> str:
        """``alive``, ``not running``, ``unknown: …`` (on another host, in another container) or ``unreadable``."""
        if not self.pid:
            return "unreadable"
        if self.host != socket.gethostname():
            return "unknown: on another host"
        if _is_engine(self.pid) or runs_below(self.pid, _ENGINE):
            return "alive"
        return "not running" if self.own else "unknown: in another container"

    @property
    def stale(self) -> bool:
        """Whether its process is surely gone: it was on this machine, and no engine has its number now."""
        return self.status == "not running"

    @property
    def age(self) -> timedelta:
        """How long ago it was taken, in whole seconds."""
        seconds = (datetime.now(UTC) - self.since).total_seconds() if self.since else 0
        return timedelta(seconds=max(0, round(seconds)))

    def __str__(self) -> str:
        since = self.since.isoformat(" ", "seconds") if self.since else "?"
        return f"{self.user}@{self.host} pid {self.pid} since {since} ({self.status})"


def locks_of(paths: ProjectPaths, stack: str) -> list[Lock]:
    """Return every lock on a stack, whatever the backend.

    Raises:
        BackendUnreadableError: poscloud cannot look into this backend.
        DeployError: The backend does not answer.
    """
    with open_store(paths) as store:
        return _locks(paths, store, _folder(paths, stack))


def refuse_in_use(paths: ProjectPaths, stack: str) -> list[Lock]:
    """Refuse to go on while a run that may still live holds the stack; return the locks of runs that do not.

    Where poscloud cannot look into the backend, the engine says the same, a little later.

    Raises:
        DeployError: The stack is in use, or the backend does not answer.
    """
    try:
        locks = locks_of(paths, stack)
    except BackendUnreadableError:
        return []
    _refuse(locks, stack)
    return locks


def release_stale_locks(paths: ProjectPaths, stack: str) -> list[Lock]:
    """Remove the locks of killed runs from the state of ``stack``, and return them.

    Raises:
        DeployError: A run that may still live holds the stack, or the backend does not answer.
    """
    try:
        with open_store(paths) as store:
            folder = _folder(paths, stack)
            locks = _locks(paths, store, folder)
            _refuse(locks, stack)
            if locks:
                unrecorded.mark(paths, stack)  # first: the locks are the only other sign of what happened
            for lock in locks:
                store.delete(f"{folder}{lock.id}.json")
            return locks
    except BackendUnreadableError:
        return []


def unlock(paths: ProjectPaths, stack: str, lock_id: str, *, force: bool = False) -> Lock:
    """Remove exactly one lock, and return it.

    Args:
        paths: The project.
        stack: The environment.
        lock_id: The lock's own; a newer lock has another one, and cannot be removed by mistake.
        force: Also when its process lives on this machine.

    Raises:
        DeployError: There is no such lock, its process is alive, or the backend does not answer.
    """
    with open_store(paths) as store:
        folder = _folder(paths, stack)
        locks = {lock.id: lock for lock in _locks(paths, store, folder)}
        lock = locks.get(lock_id)
        if lock is None:
            held = ", ".join(locks) or "it is not locked"
            raise DeployError(
                f"stack {stack} has no lock {lock_id}: {held}", hint=f"poscloud unlock -s {stack} shows all"
            )
        if lock.status == "alive" and not force:
            raise DeployError(
                f"the process of lock {lock_id} is running: {lock}",
                hint=f"wait for it to end, or end it (kill {lock.pid}); to remove the lock all the same: --force",
            )
        unrecorded.mark(paths, stack)  # its run may have done more than the state tells
        store.delete(f"{folder}{lock_id}.json")
        return lock


def _refuse(locks: list[Lock], stack: str) -> None:
    for lock in locks:
        if not lock.stale:
            raise DeployError(
                f"stack {stack} is in use by {lock}",
                hint=f"wait for it to end; if it is surely gone: poscloud unlock -s {stack} {lock.id}",
            )


def _folder(paths: ProjectPaths, stack: str) -> str:
    return f".pulumi/locks/organization/{project_name(paths.root)}/{stack}/"


def _locks(paths: ProjectPaths, store: Store, folder: str) -> list[Lock]:
    names = [key for key in store.keys(folder) if key.endswith(".json")]
    read = {key: store.read(key) for key in names}
    # What is gone by now was released in this moment.
    return [_lock(paths, Path(key).stem, content) for key, content in read.items() if content is not None]


def _lock(paths: ProjectPaths, name: str, content: bytes) -> Lock:
    try:
        data = json.loads(content)
        since = datetime.fromisoformat(str(data["timestamp"])).astimezone()
        pid = int(data["pid"])
        own = is_own(paths, pid, since)
        return Lock(name, pid, str(data["hostname"]), str(data["username"]), since, own)
    except (ValueError, KeyError, TypeError):
        return Lock(name)


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
    return state not in ("Z", "X", "") and (not command or _ENGINE in command)


def parent_of(pid: int) -> int:
    """Return the process that started another one; 0 when there is no such process."""
    command = ["ps", "-o", "ppid=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return int(answer) if answer.isdigit() else 0


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
