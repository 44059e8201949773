"""Namespaces of copies that no engine has made its own: one that waits for room, and one that was let in just now.

They are in no state, so that ``destroy`` would not delete them. What says so is an annotation that goes as soon as the
engine takes the namespace. It alone is no proof: an engine that has the copy's objects in its state, of a namespace
that somebody deleted, may fill the new one without a look at it. So the state is asked as well, and what is in it.
"""

from __future__ import annotations

from poscloud.engine.environments.listing import annotation
from poscloud.engine.inventory import CLAIM, Key, listed, recorded
from poscloud.engine.kubectl import Kubectl, stamp_of
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError
from poscloud.render import names

TRIES = 3

KEPT = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", CLAIM]
"""Kinds with logs or data to lose; none of them is in a namespace that was never made."""


def remove_unmade(kubectl: Kubectl, pulumi: Pulumi, name: str, mark: str, *, uid: str = "") -> str:
    """Remove the namespace of a copy, if it is there and was never made; as it was seen, and no other one.

    Args:
        kubectl: Its cluster.
        pulumi: The engine, asked for the state only where the namespace says that it was never made.
        name: The copy.
        mark: ``project/stack``, whose the namespace has to be.
        uid: The only one to remove; empty for any.

    Returns:
        What it was, in words; empty where nothing was removed.

    Raises:
        PosCloudError: The cluster does not answer or does not allow it; or the state cannot be read.
    """
    for _ in range(TRIES):
        live = kubectl.get("namespace", name)
        waits = bool(annotation(live, names.WAITING_ANNOTATION))
        if not live or stamp_of(live) != mark or not (waits or annotation(live, names.LET_IN_ANNOTATION)):
            return ""
        meta = live["metadata"]
        if (uid and meta["uid"] != uid) or _is_used(kubectl, name) or recorded_in(pulumi, name):
            return ""
        path = f"/api/v1/namespaces/{name}"
        if kubectl.delete(path, uid=meta["uid"], version=meta["resourceVersion"]):
            return "it waited for room" if waits else "it was let in, and nothing of it was made"
    return ""


def recorded_in(pulumi: Pulumi, name: str) -> set[Key]:
    """Return what the state of a copy has of its namespace; nothing where there is no such stack.

    Raises:
        DeployError: It cannot be read.
    """
    try:
        found = recorded(pulumi, name)
    except DeployError as error:
        if "no stack named" not in error.message:
            raise
        return set()
    return {key for key in found if key == ("Namespace", name) or key[1].startswith(f"{name}/")}


def _is_used(kubectl: Kubectl, name: str) -> bool:
    """Whether there are workloads or claims in a namespace, or this user may not look."""
    found, refused = listed(kubectl, KEPT, "-n", name)
    return bool(found or refused)
