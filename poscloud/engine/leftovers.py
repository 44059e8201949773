"""Objects of a stack that no state knows: what a killed run made and the description no longer has."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poscloud.engine import inventory
from poscloud.engine.claims import Claims, look
from poscloud.engine.description import load_checked
from poscloud.engine.inventory import Inventory, Item, Key
from poscloud.engine.kubectl import Kubectl, stamp_of
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.errors import DeployError
from poscloud.load import known_stacks
from poscloud.render import render_environment

GONE_SECONDS = 60.0
"""How long removed objects may take to disappear."""

TRIES = 10
"""How often the removal of an object that is changed meanwhile is tried."""


@dataclass(frozen=True)
class Leftovers:
    """What is left of a stack beside what its state knows.

    Attributes:
        objects: Nobody will look after them any more.
        awaited: They are in no state either, but the description has them: the next ``up`` adopts them.
        claims: Claims of this stack that nothing uses; they hold data.
        space: Its namespace, where nobody will look after that any more either; with it goes all that is in it.
        along: What goes with ``space`` and is no leftover: claims, and objects of others.
        unchecked: Why unused claims could not be told; empty when they could.
    """

    objects: list[Item]
    awaited: list[Item]
    claims: list[Item]
    space: Item | None = None
    along: list[Item] = field(default_factory=list)
    unchecked: str = ""


def find(pulumi: Pulumi, kubectl: Kubectl, stack: str) -> Leftovers:
    """Look for objects with this stack's annotation that its state does not know.

    Without a description, all of those are leftovers.

    Raises:
        PosCloudError: The description is wrong, or cluster or state cannot be read.
    """
    described = _described(pulumi.root, stack)
    found = inventory.take(kubectl, pulumi.root, stack)
    claims = look(kubectl, stack, found.owner) if ("Namespace", stack) in found.ours else Claims()
    return sort(found, inventory.recorded(pulumi, stack), described, claims)


def sort(found: Inventory, recorded: set[Key], described: set[Key], claims: Claims) -> Leftovers:
    """Tell the leftovers of a stack from what is known or awaited."""
    unknown = [item for key, item in sorted(found.ours.items()) if key not in recorded and not item.deleting]
    left = [item for item in unknown if item.key not in described]
    space = next((item for item in left if item.kind == "Namespace"), None)
    kept = recorded | described
    unused = [c for c in claims.unused if not c.deleting and c.key not in kept and not may_use(kept, c)]
    known = [i for k, i in sorted(found.ours.items()) if k in recorded and i.kind in inventory.WITHIN]
    return Leftovers(
        [item for item in left if item is not space],
        [item for item in unknown if item.key in described],
        unused,
        space,
        [*claims.all, *found.foreign, *known] if space else [],
        claims.unchecked,
    )


def may_use(known: set[Key], claim: Item) -> bool:
    """Whether one of the known StatefulSets, which may not be there just now, may be the one of a claim.

    The controller names claims TEMPLATE-SET-ORDINAL; a template's name may be any word.
    """
    stem = re.sub(r"-\d+$", "", claim.id)
    return any(
        kind == "StatefulSet"
        and (space := name.rpartition("/")[0]) == claim.id.rpartition("/")[0]
        and (stem.removeprefix(f"{space}/") + "/").endswith(f"-{name.rpartition('/')[2]}/")
        for kind, name in known
    )


def remove(kubectl: Kubectl, items: list[Item]) -> None:
    """Delete exactly these objects as they were listed, and wait until they are gone.

    Raises:
        DeployError: One was changed since, or some are still there; names them.
    """
    for item in items:
        _remove(kubectl, item)
    deadline = time.monotonic() + GONE_SECONDS
    while left := [item for item in items if _uid(kubectl.raw(item.path)) == item.uid]:
        if time.monotonic() > deadline:
            raise DeployError(
                f"still there after {GONE_SECONDS:.0f} s: {', '.join(map(str, left))}",
                hint=f"kubectl get --raw {left[0].path}   (its finalizers say who holds it)",
            )
        time.sleep(0.3)


def _remove(kubectl: Kubectl, item: Item) -> None:
    """Delete one object if nobody but controllers, in its status, has written to it since it was listed."""
    for _ in range(TRIES):
        live = kubectl.raw(item.path)
        if _uid(live) != item.uid:
            return
        if inventory.fingerprint(live) != item.mark:
            raise DeployError(
                f"{item} was changed since it was listed, and was not removed; it belongs to "
                f"{stamp_of(live) or 'nobody'} now",
                hint="somebody may be at work on it; look again: run the same command",
            )
        # What controllers tell of its state may change in between.
        if kubectl.delete(item.path, uid=item.uid, version=live["metadata"]["resourceVersion"]):
            return
    raise DeployError(f"{item} changes all the time; it was not removed", hint="run it again")


def _uid(live: dict[str, Any]) -> str:
    return str(live.get("metadata", {}).get("uid", ""))


def hint(count: int, stack: str) -> str:
    """Return the line that tells of leftovers."""
    them = "object of this stack is" if count == 1 else "objects of this stack are"
    return f"{count} {them} in no state: poscloud sweep -s {stack}"


def _described(root: Path, stack: str) -> set[Key]:
    if stack not in known_stacks(root):
        return set()
    spec = load_checked(root, stack)
    manifests = [m for part in render_environment(spec, project_name(root)) for m in part.manifests]
    ids = [(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests]
    return {(kind, f"{namespace}/{name}" if namespace else name) for kind, namespace, name in ids}
