"""Pods that somebody was in: what was changed there goes with the pod."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poscloud.engine.manual.entry import POD, Entry
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.provider.rest import ApiError

Object = dict[str, Any]

OVER = ("Succeeded", "Failed")
"""Phases of a pod whose containers do not run any more."""


async def end_of_pod(
    cluster: Cluster, namespace: str, entry: Entry, *, over: bool
) -> tuple[Entry | None, list[str]]:
    """Have a pod replaced if its time is ``over``; return what is left of its entry, and what is told.

    Raises:
        PosCloudError: The cluster does not answer, or refuses.
    """
    gone = f"{entry.object} is gone, and with it what {entry.who} did in it"
    if not await _is_there(cluster, namespace, entry):
        return None, [gone]
    if not over:
        return entry, []
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": entry.uid}}
    try:
        path = f"/api/v1/namespaces/{namespace}/pods/{entry.name}"
        await cluster.client.request("DELETE", path, body=options)
    except ApiError as error:
        if error.status not in (404, 409):  # gone, or another one of that name
            raise
        return None, [gone]
    return None, [
        f"{entry.object}: replaced, and with it is gone what was changed in container {entry.container}; over is: "
        f"{entry.why} ({entry.who})"
    ]


async def still_there(cluster: Cluster, namespace: str, ledger: Sequence[Entry]) -> list[Entry]:
    """Return the entries without those of pods that are gone.

    Raises:
        PosCloudError: The cluster does not answer, or refuses.
    """
    return [e for e in ledger if e.kind != POD or await _is_there(cluster, namespace, e)]


async def _is_there(cluster: Cluster, namespace: str, entry: Entry) -> bool:
    metadata = {"name": entry.name, "namespace": namespace}
    live: Object | None = await cluster.get({"apiVersion": "v1", "kind": POD, "metadata": metadata})
    return (
        live is not None
        and get(live, "metadata", "uid") == entry.uid
        and not get(live, "metadata", "deletionTimestamp")
        and get(live, "status", "phase") not in OVER
    )
