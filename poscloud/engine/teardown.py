"""After a destroy: what is left, counted, and the certificate that it is nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from poscloud.engine import holders, inventory
from poscloud.engine.inventory import CLAIM, USERS, WIDE, WITHIN
from poscloud.engine.kubectl import ForbiddenError, Kubectl, stamp_of
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import RemainsError

OUTSIDE = [kind for kind in WIDE if kind != "Namespace"]
"""Kinds that an environment may make outside its namespace."""

VOLUMES = "PersistentVolumes"


@dataclass(frozen=True)
class Remains:
    """What there is of an environment after it was destroyed.

    Attributes:
        objects: Objects that should be gone: those in its namespace, that itself, and what it made outside.
        claims: PersistentVolumeClaims that should be gone.
        volumes: PersistentVolumes that should be gone.
        retained: PersistentVolumes that outlive it because their StorageClass says so.
        resources: How many its state still has.
        others: A namespace of its name that is not its own, and was left alone.
        unchecked: Kinds that this user may not list.
    """

    objects: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    retained: list[str] = field(default_factory=list)
    resources: int = 0
    others: str = ""
    unchecked: list[str] = field(default_factory=list)

    @property
    def unexpected(self) -> list[str]:
        """Everything in the cluster that should be gone."""
        return [*self.objects, *self.claims, *self.volumes]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left that should be gone."""
        return not self.unexpected and not self.resources

    def __str__(self) -> str:
        counts = [f"{len(self.objects)} objects", f"{len(self.claims)} PersistentVolumeClaims"]
        if VOLUMES not in self.unchecked:
            kept = f" and {len(self.retained)} kept (Retain)" if self.retained else ""
            counts.append(f"{len(self.volumes)} {VOLUMES}{kept}")
        counts.append(f"{self.resources} stack resources")
        if self.unchecked:
            counts.append(f"not checked, as this user may not list them: {', '.join(self.unchecked)}")
        return ", ".join(counts)


def count(pulumi: Pulumi, kubectl: Kubectl, stack: str, mark: str, *, seconds: float) -> Remains:
    """Count what is left of an environment.

    Args:
        pulumi: The engine, for the state.
        kubectl: The cluster.
        stack: The environment that was destroyed.
        mark: ``project/stack``, the annotation of what was its own.
        seconds: How long to wait for what is still being deleted.

    Raises:
        DeployError: The cluster does not answer, or the state cannot be read.
    """
    deadline = time.monotonic() + seconds
    while (left := _quick(kubectl, stack, mark)).unexpected and time.monotonic() < deadline:
        time.sleep(0.2)
    objects, claims, refused = _within(kubectl, stack, mark, whole=not left.others)
    resources = inventory.deployment(pulumi, stack).get("resources") or []
    return Remains(
        [*left.objects, *objects],
        claims,
        left.volumes,
        left.retained,
        len(resources),
        left.others,
        [*left.unchecked, *refused],
    )


def certify(remains: Remains, kubectl: Kubectl, stack: str, logs: str) -> str:
    """Return the certificate that nothing is left of an environment.

    Args:
        remains: What was counted.
        kubectl: Asked who holds what is left.
        stack: The environment.
        logs: What became of its logs.

    Raises:
        RemainsError: Something is left; names it, its finalizers and who has to remove them.
    """
    if remains.is_clean:
        return f"nothing is left of {stack}: {remains}; logs: {logs}"
    if remains.unexpected:
        refuse_held(kubectl, stack)
        named = remains.unexpected
        raise RemainsError(
            f"left in the cluster after destroy: {', '.join(named)} ({remains})",
            hint=f"kubectl describe {named[0].partition(' ')[0]}; what is this stack's: poscloud sweep -s {stack}; "
            f"then run again: poscloud destroy -s {stack}",
        )
    raise RemainsError(
        f"{remains.resources} resources are left in the state of stack {stack}, and nothing of them in the cluster",
        hint=f"run again: poscloud destroy -s {stack}",
    )


def refuse_held(kubectl: Kubectl, stack: str) -> None:
    """Tell what keeps the namespace of a destroyed environment from going away, if something does.

    Raises:
        RemainsError: It is being deleted, and something holds it.
    """
    if held := holders.of_namespace(kubectl, stack):
        lines = "".join(f"\n  {each}" for each in held)
        raise RemainsError(
            f"namespace {stack} is being deleted and cannot go, because of what is left in it:{lines}",
            hint="start the controller that removes the finalizer, or remove it by hand if there will be none; "
            f"then run again: poscloud destroy -s {stack}",
        )


def _quick(kubectl: Kubectl, stack: str, mark: str) -> Remains:
    """Return what the namespace itself, what is outside of it and the volumes tell."""
    live = kubectl.get("namespace", stack)
    outside, unchecked = _outside(kubectl, stack, mark)
    if live and stamp_of(live) != mark:
        return Remains(outside, others=f"namespace {stack}", unchecked=unchecked)
    objects = [*([f"Namespace/{stack}"] if live else []), *outside]
    try:
        volumes = kubectl.get("persistentvolumes").get("items", [])
    except ForbiddenError:
        return Remains(objects, unchecked=[*unchecked, VOLUMES])
    bound = [v for v in volumes if v["spec"].get("claimRef", {}).get("namespace") == stack]
    kept = [v for v in bound if v["spec"].get("persistentVolumeReclaimPolicy") == "Retain"]
    return Remains(
        objects,
        volumes=[_volume(v) for v in bound if v not in kept],
        retained=[f"PersistentVolume/{v['metadata']['name']}" for v in kept],
        unchecked=unchecked,
    )


def _volume(live: dict[str, object]) -> str:
    """Return a volume that should be gone, with who has to delete it."""
    meta = live["metadata"]
    assert isinstance(meta, dict)
    by = (meta.get("annotations") or {}).get("pv.kubernetes.io/provisioned-by")
    words = f" (to be deleted by its provisioner, {by})" if by else ""
    return f"PersistentVolume/{meta['name']}{words}"


def _outside(kubectl: Kubectl, stack: str, mark: str) -> tuple[list[str], list[str]]:
    """Return what an environment made that no namespace holds, and the kinds this user may not look at."""
    items, refused = inventory.listed(kubectl, OUTSIDE, "-l", f"app.kubernetes.io/part-of={stack}")
    named = [f"{i['kind']}/{i['metadata']['name']}" for i in items if stamp_of(i) == mark]
    return named, sorted(refused)


def _within(
    kubectl: Kubectl, stack: str, mark: str, *, whole: bool
) -> tuple[list[str], list[str], list[str]]:
    """Return the objects and the claims in the namespace, and the kinds this user may not list.

    Args:
        kubectl: The cluster.
        stack: The namespace.
        mark: ``project/stack``.
        whole: Whether all of it should be gone, or only what carries the mark.
    """
    found, refused = inventory.listed(kubectl, [*WITHIN, *USERS], "-n", stack)
    own = [entry for entry in found if whole or stamp_of(entry) == mark]
    named = {
        claim: [f"{e['kind']}/{e['metadata']['name']}" for e in own if (e["kind"] == CLAIM) == claim]
        for claim in (False, True)
    }
    return named[False], named[True], sorted(refused)
