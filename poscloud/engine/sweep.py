"""``poscloud sweep``: what a killed run left, listed or removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poscloud.engine import archive, inventory, leftovers, unrecorded
from poscloud.engine.deploy import prepare
from poscloud.engine.inventory import Item
from poscloud.engine.known import refuse_unknown
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.leftovers import Leftovers
from poscloud.engine.locks import locks_of, refuse_in_use
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import Reporter

WITH_PODS = frozenset({"Namespace", "Deployment", "StatefulSet", "Job", "CronJob"})
"""Kinds with whose objects go pods, and the pods' logs."""


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Attributes:
        found: What there was before it.
        removed: What it removed.
    """

    found: Leftovers
    removed: list[Item]

    @property
    def is_clean(self) -> bool:
        """Whether no leftover is there any more; claims do not count, they are kept on purpose."""
        left = {*self.found.objects, *([self.found.space] if self.found.space else [])}
        return left <= set(self.removed)


def sweep(
    root: Path, stack: str, reporter: Reporter, *, yes: bool, data: bool, discard_logs: bool = False
) -> Swept:
    """Look for what no state of a stack knows any more, and remove it if that is wanted.

    Args:
        root: The project's folder.
        stack: The environment; its description may be gone.
        reporter: Shows progress.
        yes: Remove the leftovers.
        data: With ``yes``, remove the claims that nothing uses as well, and the namespace with all that is in it where
            nothing knows that any more; and with them their data.
        discard_logs: Remove what has pods without archiving their logs.

    Raises:
        StackNotFoundError: There is neither a description nor a state of that name.
        ArchiveError: Pods would go, and not everything of the namespace could be archived; nothing was removed.
        PosCloudError: Another run is under way, or that cannot be told; the description is wrong; the state may not be
            the one that made these objects; or something could not be removed.
    """
    refuse_unknown(root, stack)
    paths = ProjectPaths(root)
    if yes:
        locks_of(paths, stack)  # where poscloud cannot look into the backend, somebody may be at work unseen
    prepared = prepare(root, stack, reporter)
    found = leftovers.find(prepared.pulumi, prepared.kubectl, stack)
    removed = chosen(found, data=data) if yes else []
    if removed:
        refuse_other_state(prepared.pulumi, prepared.kubectl, stack)
        refuse_in_use(paths, stack)  # once more: it holds no lock itself
        if any(item.kind in WITH_PODS for item in removed):
            archive.release(prepared, reporter, discard_logs=discard_logs)
        leftovers.remove(prepared.kubectl, removed)
    return Swept(found, removed)


def chosen(found: Leftovers, *, data: bool) -> list[Item]:
    """Return what is removed: nothing that holds data, or with which data goes, unless ``data``."""
    return [*found.objects, *(found.claims if data else []), *([found.space] if data and found.space else [])]


def refuse_other_state(pulumi: Pulumi, kubectl: Kubectl, stack: str) -> None:
    """Refuse to remove anything with a state that may not be the one these objects were made with.

    The annotation names project and stack. Two checkouts with embedded states that deploy to one cluster have the
    same, and what the state of the one holds is in no state for the other.

    Raises:
        DeployError: The state does not have the namespace that is there, and no run was killed on this machine.
    """
    uid = str(kubectl.get("namespace", stack).get("metadata", {}).get("uid", ""))
    if unrecorded.is_marked(pulumi.paths, stack) or (uid and inventory.holds(pulumi, stack, uid)):
        return
    raise DeployError(
        f"the state of stack {stack} does not have the namespace {stack} that is in the cluster: these objects may be "
        "in another state, of another checkout or backend; nothing was removed",
        hint=f"to go on from this state, which adopts what is described: poscloud up -s {stack}",
    )
