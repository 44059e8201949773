"""What an ``up`` says of changes by hand, and what becomes of them when it is done."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from poscloud.cluster.target import Target
from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.ledger import Ledger
from poscloud.engine.manual.requests import cluster_of
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.progress import Reporter
from poscloud.provider.rest import ApiError

ANSWER_SECONDS = 5.0
"""How long the cluster may take to answer; what only informs keeps nobody waiting."""


def tell(target: Target, stack: str, reporter: Reporter) -> list[Entry]:
    """Say in one line each what was changed by hand in an environment, and return it.

    Nothing is said where the cluster cannot be asked: that is told by whoever needs it.
    """
    try:
        found = recorded(target, stack)
    except PosCloudError as error:
        if not isinstance(error, ApiError):
            reporter.note(f"changes by hand not looked at: {error.message}")
        return []
    for entry in found:
        reporter.note(f"by hand: {entry}")
    return found


def recorded(target: Target, stack: str) -> list[Entry]:
    """Return what was changed by hand in an environment.

    Raises:
        PosCloudError: The cluster does not answer soon, or not to this user.
    """

    async def read() -> list[Entry]:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await Ledger(cluster_of(target), stack).read()

    try:
        return asyncio.run(read())
    except TimeoutError:
        raise DeployError(f"no answer from {target} within {ANSWER_SECONDS:.0f} s") from None


def after_up(pulumi: Pulumi, target: Target, stack: str, reporter: Reporter) -> None:
    """Put back what was to stay until this ``up``, forget what it changed itself, and say so.

    Raises:
        PosCloudError: The cluster does not answer, or refuses.
    """
    from poscloud.engine.drift.described import described
    from poscloud.engine.manual.due import put_back

    found = described(pulumi, stack, secrets=False)

    async def end() -> list[str]:
        return await put_back(cluster_of(target), stack, found, datetime.now(UTC), after_up=True)

    for line in asyncio.run(end()):
        reporter.note(line)
