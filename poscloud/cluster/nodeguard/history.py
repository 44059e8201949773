"""What a node guard did and told, kept in the cluster, so that each look knows what the ones before it did."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from poscloud.errors import DeployError
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import MERGE, ApiError
from poscloud.render.names import GUARDED_ANNOTATION, NODE_GUARD

HOUR = timedelta(hours=1)
MOST = 1000
"""Entries of each kind that are kept; an annotation may have 256 KiB."""


@dataclass(frozen=True)
class Restarted:
    """One restart.

    Attributes:
        at: When.
        node: On which node.
        workload: Of what, ``namespace/web``.
    """

    at: datetime
    node: str
    workload: str


@dataclass(frozen=True)
class History:
    """What was done and told.

    Attributes:
        restarts: Restarts, the oldest first.
        told: What was told → when.
        version: resourceVersion of the ConfigMap that has it; empty: there is none.
    """

    restarts: tuple[Restarted, ...] = ()
    told: dict[str, datetime] = field(default_factory=dict)
    version: str = ""

    def within_hour(self, now: datetime) -> int:
        """Return how many restarts there were in the last hour."""
        return sum(now - each.at < HOUR for each in self.restarts)

    def rests(self, now: datetime, cooldown: int, *, node: str = "", workload: str = "") -> bool:
        """Whether a node or a workload is left alone, because of a restart not long ago."""
        return any(
            now - each.at < timedelta(seconds=cooldown) and (each.node == node or each.workload == workload)
            for each in self.restarts
        )

    def is_news(self, key: str, now: datetime, cooldown: int) -> bool:
        """Whether something was not told lately."""
        at = self.told.get(key)
        return at is None or now - at >= timedelta(seconds=cooldown)


async def read(cluster: Cluster) -> History:
    """Return what the ConfigMap of the guard's namespace says; nothing where there is none, or nothing right in it."""
    try:
        live = await cluster.client.request("GET", _path(cluster))
    except ApiError as error:
        if error.status == 404:
            return History()
        raise
    meta = live["metadata"]
    return _parsed((meta.get("annotations") or {}).get(GUARDED_ANNOTATION, ""), str(meta["resourceVersion"]))


async def write(cluster: Cluster, history: History, now: datetime, keep: int) -> History:
    """Keep what was done, and return it as it is kept then.

    Args:
        cluster: The cluster.
        history: What was done; its version is the one that was read.
        now: The time.
        keep: Seconds for which it has to be known.

    Raises:
        DeployError: Another node guard works at the same time, or there is no ConfigMap to keep it in.
    """
    oldest = now - max(HOUR, timedelta(seconds=keep))
    data = {
        "restarts": [
            [_text(each.at), each.node, each.workload] for each in history.restarts if each.at > oldest
        ][-MOST:],
        "told": dict([(key, _text(at)) for key, at in history.told.items() if at > oldest][-MOST:]),
    }
    body = {
        "metadata": {
            "resourceVersion": history.version,
            "annotations": {GUARDED_ANNOTATION: json.dumps(data)},
        }
    }
    try:
        live = await cluster.client.request("PATCH", _path(cluster), body=body, content_type=MERGE)
    except ApiError as error:
        if error.status == 404:
            raise DeployError(
                f"there is no ConfigMap {NODE_GUARD} in namespace {cluster.access.namespace} to keep what was done",
                hint="a service of kind node-guard has one; or --dry-run",
            ) from None
        if error.status == 409:
            raise DeployError("another node guard works at the same time, and this one gives up") from None
        raise
    return History(history.restarts, history.told, str(live["metadata"]["resourceVersion"]))


def _path(cluster: Cluster) -> str:
    return f"/api/v1/namespaces/{cluster.access.namespace}/configmaps/{NODE_GUARD}"


def _parsed(text: str, version: str) -> History:
    try:
        data: dict[str, Any] = json.loads(text)
        restarts = tuple(Restarted(_time(at), str(node), str(work)) for at, node, work in data["restarts"])
        return History(restarts, {str(key): _time(at) for key, at in data["told"].items()}, version)
    except (ValueError, TypeError, KeyError, AttributeError):
        return History(version=version)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
