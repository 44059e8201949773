"""What ``destroy`` says of access that goes with an environment."""

from __future__ import annotations

import asyncio

from poscloud.cluster.target import Target
from poscloud.engine.access.members import Team, recorded
from poscloud.engine.manual.around import ANSWER_SECONDS
from poscloud.engine.manual.requests import cluster_of
from poscloud.errors import PosCloudError
from poscloud.local.progress import Reporter


def tell(target: Target, stack: str, mark: str, reporter: Reporter) -> None:
    """Say in one line each which access ends with an environment; where that cannot be read, nothing.

    Args:
        target: Its cluster.
        stack: The environment.
        mark: ``project/stack``.
        reporter: Gets the lines.
    """

    async def ask() -> list[Team]:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await recorded(cluster_of(target), stack, mark)

    try:
        found = asyncio.run(ask())
    except (PosCloudError, TimeoutError):
        return
    for team in found:
        reporter.note(f"access ends with it: {team}")
