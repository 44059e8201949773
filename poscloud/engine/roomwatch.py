"""Ending a run whose state can no longer be written.

With a full disk the engine tries each write again for half a minute, one after the other, so that a run with many steps
under way lasts many minutes in which objects are made that no state knows. Only a kill ends that. And though it writes
a new file and renames it, it renames one that was cut off as well (gocloud's fileblob ends a failed write like any
other), and then copies that over the backup. So the last whole state is kept here, in memory, and put back.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from poscloud.engine.inventory import take
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.locks import locks_of, parent_of
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.statefile import damage, newest_backup, resources, state_file
from poscloud.engine.stateroom import free_bytes
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.paths import ProjectPaths, write_private

LOOK_SECONDS = 0.5
"""How often it is tried whether the next state could be written."""

PATIENCE = 4
"""After how many failures, one after the other, the run is ended: a moment's lack is waited for."""

STOP_SECONDS = 5.0
"""How long the engine may take to stop in order."""


class StateLostError(DeployError):
    """The last whole state could be written nowhere."""


class RoomWatch:
    """Looks, while a run goes on, whether its state can still be written.

    Attributes:
        reason: Why the run was ended; empty when it was not.
    """

    def __init__(self, paths: ProjectPaths, stack: str) -> None:
        self.reason = ""
        self._paths, self._stack = paths, stack
        self._over = threading.Event()
        self._whole, self._seen = b"", 0

    def look(self, file: Path) -> None:
        """Look until the run is over, and end it when the state has no room."""
        failures = 0
        self.remember(file)
        while not self._over.wait(LOOK_SECONDS):
            self.remember(file)
            why = unwritable(file)
            failures = failures + 1 if why else 0
            if failures >= PATIENCE:
                self.reason = why
                self._end()
                return

    def remember(self, file: Path) -> None:
        """Keep what the state is now, if it is new and whole."""
        with suppress(OSError):
            written = file.stat().st_mtime_ns
            if written != self._seen and not damage(content := file.read_bytes()):
                self._whole, self._seen = content, written

    def put_back(self, file: Path) -> Path:
        """Put the last whole state in the place of one that was cut off; return where it is now.

        A whole file is never given up for it, and a file that was cut off only after nothing else had room.

        Raises:
            StateLostError: It can be written nowhere; names the newest whole backup.
        """
        if not self._whole or not _is_cut(file):
            return file
        with suppress(OSError):
            write_private(file, self._whole)
            return file
        # From here on it is only in memory: first a place that cannot fail half-way, then the room of what was cut off.
        elsewhere = _elsewhere(file.name, self._whole)
        try:
            if _is_cut(backup := file.with_name(f"{file.name}.bak")):
                backup.unlink(missing_ok=True)
            _overwrite(file, self._whole)
        except OSError as error:
            if elsewhere is None:
                raise _lost(file, error) from error
            return elsewhere
        if elsewhere is not None:
            shutil.rmtree(elsewhere.parent)
        return file

    def over(self) -> None:
        """Look no more."""
        self._over.set()

    def _end(self) -> None:
        for number in (signal.SIGINT, signal.SIGKILL):
            # A lock that cannot be read, or an engine that has just ended, is no reason to leave out the next round.
            with suppress(PosCloudError, OSError):
                # Only the engine that this very process started holds the lock by one of its children.
                engines = [k.pid for k in locks_of(self._paths, self._stack) if k.status == "alive"]
                for pid in engines:
                    if parent_of(pid) == os.getpid():
                        os.kill(pid, number)
            if self._over.wait(STOP_SECONDS):
                return


def _is_cut(file: Path) -> bool:
    try:
        return bool(damage(file.read_bytes()))
    except FileNotFoundError:
        return True
    except OSError:
        return False  # nobody knows, so it is left alone


def _overwrite(file: Path, content: bytes) -> None:
    """Write into the blocks that a file has: on a full disk there is no room for a second one beside it."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as target:
        target.write(content)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())


def _elsewhere(name: str, content: bytes) -> Path | None:
    """Write a file into a new folder for temporary files and return it; ``None`` where that has no room either."""
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix="poscloud-"))
        write_private(folder / name, content)
    except OSError:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        return None
    return folder / name


def _lost(file: Path, error: OSError) -> StateLostError:
    backup = newest_backup(file)
    if backup is None:
        return StateLostError(
            f"the last whole state is lost: it could be written neither to {file} nor to {tempfile.gettempdir()}: "
            f"{error.strerror}; there is no whole backup",
            hint=f"make room (run: df -h {file.parent}); then begin anew, which adopts what is in the cluster: "
            f"mv {file} {file}.damaged",
        )
    return StateLostError(
        f"the last whole state is lost: it could be written neither to {file} nor to {tempfile.gettempdir()}: "
        f"{error.strerror}; the newest whole backup is {backup}",
        hint=f"make room (run: df -h {file.parent}); then: poscloud state restore -s {file.stem}",
    )


def unwritable(file: Path) -> str:
    """Return why a state as large as the present one could not be written beside it; empty when it could."""
    try:
        size = max(file.stat().st_size, 1)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".poscloud-") as trial:
            if allocate := getattr(os, "posix_fallocate", None):  # macOS has none
                allocate(trial.fileno(), 0, size)
            else:
                trial.write(bytes(size))
                trial.flush()
    except FileNotFoundError:
        return ""  # the stack is new
    except OSError as error:
        return error.strerror or str(error)
    return ""


@contextmanager
def watching(pulumi: Pulumi, kubectl: Kubectl, stack: str) -> Iterator[None]:
    """Look after the room for a stack's state while the engine runs; only where the backend keeps files.

    Raises:
        DeployError: The run was ended, because its state could not be written; lists what was made and not recorded.
    """
    file = state_file(pulumi.paths, stack)
    if file is None:
        yield
        return
    watch = RoomWatch(pulumi.paths, stack)
    thread = threading.Thread(target=watch.look, args=(file,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.over()
        thread.join()
        if watch.reason:
            raise _ended(watch, file, pulumi, kubectl, stack) from None


def _ended(watch: RoomWatch, file: Path, pulumi: Pulumi, kubectl: Kubectl, stack: str) -> DeployError:
    free = free_bytes(file.parent)
    try:
        now = watch.put_back(file)
    except StateLostError as error:
        return StateLostError(
            f"the state of stack {stack} cannot be written: {watch.reason}, {free} bytes free; the run was ended\n  "
            f"{error.message}",
            hint=error.hint,
        )
    try:
        listed = ", ".join(_unrecorded(now, pulumi.root, kubectl, stack)) or "nothing"
    except (PosCloudError, OSError, ValueError) as error:
        listed = f"cannot be told ({error})"
    back = "" if now == file else f"mv {now} {file}; "
    return DeployError(
        f"the state of stack {stack} cannot be written: {file}: {watch.reason}, {free} bytes free; the run was "
        f"ended, and the last state that could be written is in {now}\n  made, but not recorded: {listed}",
        hint=f"make room (run: df -h {file.parent}); {back}then go on, which adopts them: poscloud up -s {stack}",
    )


def _unrecorded(file: Path, root: Path, kubectl: Kubectl, stack: str) -> list[str]:
    """Return what is in the cluster with this stack's mark, but not in a state."""
    known = {
        (str(resource["type"]).rpartition(":")[2], str(resource.get("id", "")))
        for resource in resources(file.read_bytes())
    }
    return sorted(str(item) for key, item in take(kubectl, root, stack).ours.items() if key not in known)
