"""The state file of a ``file://`` backend: whether it is whole, and going on from a backup when it is not.

The engine refuses a file that is cut off or no JSON, but takes ``{}``, ``null`` or a checkpoint without a deployment
for an empty stack. None of them is ever written by it: a new stack has a deployment without resources.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from poscloud.engine import unrecorded
from poscloud.engine.backends.address import backend_url, state_folder
from poscloud.engine.stackconfig import project_name, read_stack_config
from poscloud.engine.stateroom import refuse_no_room
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths, write_private
from poscloud.local.record import ClusterRecord

_MARKERS = (b"<<<<<<<", b"=======", b">>>>>>>")


@dataclass(frozen=True)
class Backup:
    """A whole copy of an earlier state.

    Attributes:
        file: Where it is.
        resources: How many resources it has.
        age: How long ago it was written, in whole seconds.
    """

    file: Path
    resources: int
    age: timedelta

    def __str__(self) -> str:
        return f"{self.file} ({self.age} old, {self.resources} resources)"


class DamagedStateError(DeployError):
    """The state of a stack is not what the engine writes; it was left as it is."""


def state_file(paths: ProjectPaths, stack: str) -> Path | None:
    """Return where the state of a stack is kept; ``None`` when the backend keeps no files."""
    folder = state_folder(paths, backend_url(paths))
    return folder / ".pulumi" / "stacks" / project_name(paths.root) / f"{stack}.json" if folder else None


def is_empty(paths: ProjectPaths, stack: str) -> bool:
    """Whether a state in files knows no object of ``stack`` yet; a state that is elsewhere is not asked."""
    file = state_file(paths, stack)
    if file is None:
        return False
    if not file.is_file():
        return True
    content = file.read_bytes()
    return not damage(content) and not any(
        r.get("custom") and not str(r.get("type")).startswith("pulumi:providers:") for r in resources(content)
    )


def refuse_damaged(paths: ProjectPaths, stack: str) -> None:
    """Refuse to go on with a damaged state; it is never changed, and never taken for an empty stack.

    Raises:
        DamagedStateError: With the place in the file, the newest whole backup and the command that takes it.
    """
    file = state_file(paths, stack)
    if file is None:
        return
    if _aside(file).exists():
        reason = "was found damaged by the last pulumi up, and the engine put an empty one in its place"
    else:
        try:
            found = damage(file.read_bytes())
        except FileNotFoundError:
            return  # a new stack, or one that was removed
        except OSError as error:
            raise DamagedStateError(
                f"the state of stack {stack} cannot be read: {file}: {error.strerror}",
                hint=f"run: ls -l {file}",
            ) from error
        if not found:
            return
        reason = f"is damaged at {found}"
    backup = newest_backup(file, cluster=_cluster(paths, stack))
    if backup is None:
        hint = (
            "there is no whole backup of this cluster. To begin anew and adopt what is in the cluster: "
            f"mv {file} {file}.damaged"
        )
    else:
        hint = f"newest whole backup: {backup}\n  to go on from it: poscloud state restore -s {stack}"
    raise DamagedStateError(f"the state of stack {stack} {reason}: {file}", hint=hint)


def keep_backup(paths: ProjectPaths, stack: str) -> None:
    """Put a damaged state and its backup where the engine, which runs already, does not write.

    It ends by writing what it took the state for, and copies the damaged file over the backup.
    """
    file = state_file(paths, stack)
    backup = newest_backup(file, cluster=_cluster(paths, stack)) if file else None
    if file is None or backup is None or _aside(file).exists():
        return
    write_private(_damaged(file), file.read_bytes())
    write_private(_aside(file), backup.file.read_bytes())


def restore_after_kill(paths: ProjectPaths, stack: str, *, killed: bool) -> Backup | None:
    """Restore a damaged state by itself where a killed run explains the damage; return the backup that was taken.

    Raises:
        DamagedStateError: It is damaged, and no run was killed, or there is no whole backup.
    """
    try:
        refuse_damaged(paths, stack)
    except DamagedStateError:
        if not killed:
            raise
        return restore(paths, stack)
    return None


def restore(paths: ProjectPaths, stack: str) -> Backup:
    """Put the newest whole backup in the place of a damaged state; the damaged file is kept as ``….damaged``.

    What happened after the backup is done again by the next ``up``: create adopts what carries the stack's mark.

    Raises:
        DeployError: The state is not damaged, or there is no whole backup, or the backend keeps no files, or it cannot
            be written; then the state is as it was.
    """
    file = state_file(paths, stack)
    if file is None:
        raise DeployError(
            "this state backend keeps no files of its own; its server has the backups",
            hint=f"pulumi stack import -s {stack} --file STATE.json",
        )
    try:
        refuse_damaged(paths, stack)
    except DamagedStateError as error:
        backup = newest_backup(file, cluster=_cluster(paths, stack))
        if backup is None:
            raise error
        refuse_no_room(file, stack)
        unrecorded.mark(paths, stack)
        try:
            _replace(file, backup)
        except OSError as failed:
            raise DeployError(
                f"the state of stack {stack} cannot be restored: {failed.filename or file}: {failed.strerror}",
                hint=f"the backup is {backup.file}; run: ls -ld {file.parent}; df -h {file.parent}",
            ) from failed
        return backup
    raise DeployError(f"the state of stack {stack} is whole: {file}", hint="nothing was changed")


def _replace(file: Path, backup: Backup) -> None:
    """Put a backup in the place of a state. Whenever it is killed, there is a state file, and it can be done again."""
    content = backup.file.read_bytes()
    if not _aside(file).exists():
        write_private(_damaged(file), file.read_bytes())
    write_private(file, content)
    _aside(file).unlink(missing_ok=True)


def newest_backup(file: Path, *, cluster: str = "") -> Backup | None:
    """Return the newest whole backup: of the step before, else of the end of an earlier run.

    Args:
        file: The state.
        cluster: uid of the cluster it has to be of, unless it is of none; empty for any.
    """
    for candidate in copies(file):
        try:
            content, written = candidate.read_bytes(), candidate.stat().st_mtime
        except OSError:
            continue
        if not damage(content) and (not cluster or cluster_of(content) in ("", cluster)):
            age = timedelta(seconds=max(0, round(datetime.now(UTC).timestamp() - written)))
            return Backup(candidate, len(resources(content)), age)
    return None


def copies(file: Path) -> list[Path]:
    """Return where the backups of a state are or may be, the newest first."""
    runs = file.parents[2] / "backups" / file.parent.name / file.stem
    older = sorted(runs.glob(f"{file.stem}.*.json"), reverse=True)
    return [_aside(file), file.with_name(f"{file.name}.bak"), *older]


def cluster_of(content: bytes) -> str:
    """Return the uid of the cluster that a state's provider is bound to; empty for an empty or damaged state."""
    for resource in [] if damage(content) else resources(content):
        if resource["type"] == "pulumi:providers:kubernetes":
            inputs = resource.get("inputs")
            found = inputs.get("clusterIdentifier", "") if isinstance(inputs, dict) else ""
            return str(found).removeprefix("uid:")
    return ""


def _cluster(paths: ProjectPaths, stack: str) -> str:
    """Return the uid of the cluster a stack goes to, as far as this machine knows it."""
    config = read_stack_config(paths.root, stack)
    return config.cluster if config.context else ClusterRecord.load(paths.cluster / "cluster.json").uid


def resources(content: bytes) -> list[dict[str, Any]]:
    """Return the resources of a whole state."""
    found: list[dict[str, Any]] = json.loads(content)["checkpoint"]["latest"].get("resources") or []
    return found


def damage(content: bytes) -> str:
    """Return what is wrong with a state file, and where; empty when it is whole."""
    if not content.strip():
        return f"byte 0: {'it holds nothing but blanks' if content else 'it is empty'}"
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith(_MARKERS):
            return f"line {number}, column 1: a merge marker ({line[:7].decode()})"
    try:
        document = json.loads(content)
    except UnicodeDecodeError as error:
        return f"byte {error.start}: not UTF-8"
    except RecursionError:
        return "byte 0: nested too deeply"
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
        what = f"it ends after {len(content)} bytes, in the middle" if cut else f"not JSON: {error.msg}"
        return f"line {error.lineno}, column {error.colno}: {what}"
    return _wrong_shape(document)


def _wrong_shape(document: Any) -> str:
    """Return the first key of a state that is not as the engine writes it (``apitype.VersionedCheckpoint``)."""
    place = ""
    for key in ("checkpoint", "latest"):
        document = document.get(key) if isinstance(document, dict) else None
        place = f"{place}.{key}".lstrip(".")
        if not isinstance(document, dict):
            return f"{place}: there is no deployment in it"
    found = document.get("resources")
    if found is not None and not isinstance(found, list):
        return "checkpoint.latest.resources: not a list"
    for index, resource in enumerate(found or []):
        if not (isinstance(resource, dict) and resource.get("urn") and resource.get("type")):
            return f"checkpoint.latest.resources[{index}]: no resource"
    return ""


def _aside(file: Path) -> Path:
    return file.with_name(f"{file.name}.whole")


def _damaged(file: Path) -> Path:
    """Where ``restore`` keeps what was damaged."""
    return file.with_name(f"{file.name}.damaged")
