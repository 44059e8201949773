"""Namespaces of copies that no engine has made its own: one that waits for room, and one that was let in just now.

They are in no state, so that ``destroy`` would not delete them. What says so is an annotation that goes as soon as the
engine takes the namespace.
"""

from __future__ import annotations

from poscloud.engine.environments.listing import annotation
from poscloud.engine.kubectl import Kubectl, stamp_of
from poscloud.render import names

TRIES = 3


def remove_unmade(kubectl: Kubectl, name: str, mark: str) -> str:
    """Remove the namespace of a copy, if it is there and was never made; as it was seen, and no other one.

    Args:
        kubectl: Its cluster.
        name: The copy.
        mark: ``project/stack``, whose the namespace has to be.

    Returns:
        What it was, in words; empty where nothing was removed.

    Raises:
        PosCloudError: The cluster does not answer or does not allow it.
    """
    for _ in range(TRIES):
        live = kubectl.get("namespace", name)
        waits = bool(annotation(live, names.WAITING_ANNOTATION))
        if not live or stamp_of(live) != mark or not (waits or annotation(live, names.LET_IN_ANNOTATION)):
            return ""
        meta = live["metadata"]
        path = f"/api/v1/namespaces/{name}"
        if kubectl.delete(path, uid=meta["uid"], version=meta["resourceVersion"]):
            return "it waited for room" if waits else "it was let in, and nothing of it was made"
    return ""
