"""Objects of a stack that no state knows: what a killed run made and the description no longer has."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.engine import inventory
from poscloud.engine.description import load_checked
from poscloud.engine.inventory import Inventory, Item, Key
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.errors import DeployError
from poscloud.load import known_stacks
from poscloud.render import render_environment
from poscloud.render.names import STACK_ANNOTATION

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
        claims: Claims that nothing uses; they hold data.
    """

    objects: list[Item]
    awaited: list[Item]
    claims: list[Item]


def find(pulumi: Pulumi, kubectl: Kubectl, stack: str) -> Leftovers:
    """Look for objects with this stack's annotation that its state does not know.

    Without a description, all of those are leftovers.

    Raises:
        PosCloudError: The description is wrong, or cluster or state cannot be read.
    """
    described = _described(pulumi.root, stack)
    return sort(inventory.take(kubectl, pulumi.root, stack), inventory.recorded(pulumi, stack), described)


def sort(found: Inventory, recorded: set[Key], described: set[Key]) -> Leftovers:
    """Tell the leftovers of a stack from what is known or awaited."""
    unknown = [item for key, item in sorted(found.ours.items()) if key not in recorded and not item.deleting]
    # With its namespace goes everything in it.
    doomed = {item.id for item in unknown if item.kind == "Namespace" and item.key not in described}
    return Leftovers(
        [i for i in unknown if i.key not in described and i.id.partition("/")[0] not in doomed - {i.id}],
        [i for i in unknown if i.key in described],
        [c for c in found.claims if not c.deleting and c.id.partition("/")[0] not in doomed],
    )


def remove(kubectl: Kubectl, items: list[Item]) -> None:
    """Delete exactly these objects, as long as they are this stack's, and wait until they are gone.

    Raises:
        DeployError: One is another stack's by now, or some are still there; names them.
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
    """Delete one object; one that is just being changed is looked at again first."""
    for _ in range(TRIES):
        live = kubectl.raw(item.path)
        if _uid(live) != item.uid:
            return
        meta = live["metadata"]
        owner = (meta.get("annotations") or {}).get(STACK_ANNOTATION, "")
        if owner != item.owner:
            raise DeployError(f"{item} now belongs to {owner or 'nobody'}; it was not removed")
        if kubectl.delete(item.path, uid=item.uid, version=meta["resourceVersion"]):
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
