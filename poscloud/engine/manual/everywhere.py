"""Changes by hand that are over, in an environment that a sweep comes by; it may have no description here."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from poscloud.cluster.target import Target
from poscloud.engine.drift.described import described
from poscloud.engine.manual.around import recorded
from poscloud.engine.manual.due import put_back as end
from poscloud.engine.manual.entry import POD
from poscloud.engine.manual.requests import cluster_of
from poscloud.engine.pulumi import Pulumi


def put_back(root: Path, target: Target, name: str, now: datetime) -> list[str]:
    """End the recorded changes of one environment whose time is over, and return a line for each.

    The engine is asked for its state only where there are some.

    Args:
        root: The project's folder.
        target: The cluster.
        name: The environment; its namespace says that it is of this project.
        now: The time at which changes are over.

    Raises:
        PosCloudError: Cluster or state cannot be read, or the cluster refuses.
    """
    if not any(entry.is_due(now) or entry.kind == POD for entry in recorded(target, name)):
        return []
    found = described(Pulumi(root), name, secrets=False)

    async def write() -> list[str]:
        return await end(cluster_of(target), name, found, now)

    return asyncio.run(write())
