"""Going on after a run that was killed."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from poscloud.engine import inventory, unrecorded
from poscloud.engine.backends.store import BackendUnreadableError, open_store
from poscloud.engine.inventory import Inventory, Key
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.locks import Lock, release_stale_locks
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.engine.statefile import restore_after_kill
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import Reporter
from poscloud.provider.install import installed_kind, sdk_version

GOING_SECONDS = 180.0
"""How long objects that a killed run was deleting may take to disappear."""

REFRESH = "--refresh"
"""The engine's flag: look at every object of the state before anything is changed."""


def recover(pulumi: Pulumi, stack: str, reporter: Reporter) -> None:
    """Release the lock of a killed run, and mark the stack: its state may not tell what is there.

    Raises:
        DeployError: Another run is under way, or the state is damaged.
    """
    killed = release_stale_locks(pulumi.paths, stack)
    for lock in killed:
        reporter.note(f"previous run ({_when(lock)}) was killed; its lock is released")
    if backup := restore_after_kill(pulumi.paths, stack, killed=bool(killed)):
        reporter.note(f"the state was cut off while it was written; its backup is used: {backup}")
    if _is_unfinished(pulumi.paths, stack):
        unrecorded.mark(pulumi.paths, stack)


def resume(pulumi: Pulumi, kubectl: Kubectl, stack: str, reporter: Reporter) -> list[str]:
    """Prepare going on after a killed run, say what it left, and return the flags that the engine needs for it.

    The engine keeps operations whose end it did not see as *pending* and warns of them for ever. They are
    forgotten, because doing them again is harmless: an object that carries this stack's own annotation is
    adopted by create, an update is applied again, and a delete of what is gone succeeds. What the state has of the
    others may be old, above all after a run without checkpoints, so that the engine has to look at all of them.

    Raises:
        DeployError: The state cannot be read, or what is being deleted does not go.
    """
    if not unrecorded.is_marked(pulumi.paths, stack) or not is_built_in(pulumi):
        return []  # only the built-in provider adopts what is ours; of another one's operations nothing is forgotten
    found = inventory.take(kubectl, pulumi.root, stack)
    unfinished = _forget_pending(pulumi, stack)
    if unfinished:
        told = [f"{operation.label} ({fate(operation, found)})" for operation in unfinished]
        verb = "operation" if len(told) == 1 else "operations"
        reporter.note(f"{len(told)} {verb} unfinished: {', '.join(told)}")
    unknown = set(found.ours) - inventory.recorded(pulumi, stack) - {o.key for o in unfinished}
    if unknown:
        reporter.note(
            f"{len(found.ours)} objects of this stack are there, {len(unknown)} of them in no state: what is still "
            "described is adopted"
        )
    _wait_for_deletions(kubectl, pulumi.root, stack, found, reporter.note)
    return [REFRESH]


def is_built_in(pulumi: Pulumi) -> bool:
    """Whether the engine would start poscloud's own provider, which adopts what is this stack's."""
    return installed_kind(pulumi.paths.pulumi_home, sdk_version()) == "built-in"


class Unfinished:
    """An operation whose end the engine did not see.

    Attributes:
        verb: ``creating``, ``updating``, ``deleting``, ``reading``.
        key: Kind and id of its object.
    """

    def __init__(self, pending: dict[str, Any]) -> None:
        self.verb, resource = str(pending["type"]), pending["resource"]
        kind = str(resource["type"]).rpartition(":")[2]
        meta = (resource.get("inputs") or {}).get("metadata") or {}
        name = "/".join(str(meta[key]) for key in ("namespace", "name") if meta.get(key))
        self.key: Key = (kind, str(resource.get("id") or name or resource["urn"].rpartition("::")[2]))

    @property
    def label(self) -> str:
        """The object as people name it."""
        return " ".join(self.key)


def fate(operation: Unfinished, found: Inventory) -> str:
    """Return what is there of an unfinished operation's object, and what becomes of it."""
    item = found.items.get(operation.key)
    if operation.verb == "deleting":
        return "exists → deleted if no longer described" if item else "gone"
    if item is None:
        return "absent → will be created"
    if item.owner != found.owner:
        return f"exists, of {item.owner or 'somebody else'} → left"
    return "exists → adopted" if operation.verb == "creating" else "exists → updated again"


def _when(lock: Lock) -> str:
    since = f", {lock.since.astimezone():%H:%M}" if lock.since else ""
    return f"pid {lock.pid} on host {lock.host}{since}"


def _wait_for_deletions(
    kubectl: Kubectl, root: Path, stack: str, found: Inventory, note: Callable[[str], None]
) -> None:
    """Wait until what a killed run was deleting is gone; until then it would be taken for what is wanted."""
    deadline, told = time.monotonic() + GOING_SECONDS, False
    while going := [item for item in found.ours.values() if item.deleting]:
        if not told:
            note(f"waiting for what the killed run was deleting: {', '.join(map(str, going))}")
            told = True
        if time.monotonic() > deadline:
            raise DeployError(
                f"still being deleted after {GOING_SECONDS:.0f} s: {', '.join(map(str, going))}",
                hint=f"kubectl get --raw {going[0].path}   (its finalizers say who holds it)",
            )
        time.sleep(0.5)
        found = inventory.take(kubectl, root, stack)


def _is_unfinished(paths: ProjectPaths, stack: str) -> bool:
    """Whether the state has operations without an end: ``pulumi cancel`` takes only the lock away."""
    try:
        with open_store(paths) as store:
            content = store.read(f".pulumi/stacks/{project_name(paths.root)}/{stack}.json")
        return bool(content and json.loads(content)["checkpoint"]["latest"].get("pending_operations"))
    except BackendUnreadableError:
        return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # what is wrong with it was told before


def _forget_pending(pulumi: Pulumi, stack: str) -> list[Unfinished]:
    """Remove pending operations from the state, and return them."""
    if not inventory.deployment(pulumi, stack).get("pending_operations"):
        return []
    with tempfile.TemporaryDirectory(dir=pulumi.paths.owned) as folder:
        file = Path(folder) / "state.json"
        _checked(pulumi, "read", "stack", "export", "--stack", stack, "--file", str(file))
        state = json.loads(file.read_text(encoding="utf-8"))
        pending = state["deployment"].pop("pending_operations", None) or []
        file.write_text(json.dumps(state), encoding="utf-8")
        _checked(pulumi, "write", "stack", "import", "--stack", stack, "--file", str(file))
    return [Unfinished(p) for p in pending]


def _checked(pulumi: Pulumi, verb: str, *arguments: str) -> None:
    done = pulumi.quietly(*arguments)
    if done.returncode != 0:
        raise DeployError(
            f"cannot {verb} the state of the killed run: {done.stderr.strip()}", hint="run: poscloud doctor"
        )
