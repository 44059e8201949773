"""What an ``up`` says of changes by hand, and what becomes of them when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from poscloud.cluster.target import Target
from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.ledger import Ledger
from poscloud.engine.manual.requests import cluster_of
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.progress import Reporter

ANSWER_SECONDS = 5.0
"""How long the cluster may take to answer; what only informs keeps nobody waiting."""


def tell(
    target: Target, stack: str, reporter: Reporter, workloads: Collection[str] | None = None
) -> list[Entry]:
    """Say in one line each what was changed by hand in an environment, and return it.

    Where that cannot be read, this is said, and nothing returned.

    Args:
        target: The environment's cluster.
        stack: The environment.
        reporter: Says it.
        workloads: Only what was done with these (``Kind/name``); ``None``: everything.
    """
    try:
        found = [e for e in recorded(target, stack) if workloads is None or f"{e.kind}/{e.name}" in workloads]
    except PosCloudError as error:
        reporter.note(f"changes by hand not looked at: {_told(error)}")
        return []
    for entry in found:
        reporter.note(f"by hand: {entry}")
    return found


def recorded(target: Target, stack: str, patience: float = ANSWER_SECONDS) -> list[Entry]:
    """Return what was changed by hand in an environment.

    Args:
        target: Its cluster.
        stack: The environment.
        patience: Seconds that the cluster may take to answer.

    Raises:
        PosCloudError: The cluster does not answer soon, or not to this user.
    """

    async def read() -> list[Entry]:
        async with asyncio.timeout(patience):
            return await Ledger(cluster_of(target), stack).read()

    try:
        return asyncio.run(read())
    except TimeoutError:
        raise DeployError(f"no answer from {target} within {patience:.0f} s") from None


def after_up(pulumi: Pulumi, target: Target, stack: str, told: Sequence[Entry], reporter: Reporter) -> None:
    """Put back what was to stay until this ``up``, forget what it changed itself, and say so.

    The environment is up: what goes wrong here is no more than a note.

    Args:
        pulumi: The engine, for the stack's objects.
        target: The environment's cluster.
        stack: The environment.
        told: What ``tell`` said before the ``up``; who entered a pod since then is not thrown out of it.
        reporter: Shows what was done.
    """
    from poscloud.engine.drift.described import Described, described
    from poscloud.engine.manual.due import NotEndedError, put_back

    async def end(found: list[Described]) -> list[str]:
        return await put_back(cluster_of(target), stack, found, datetime.now(UTC), before_up=told)

    try:
        done = asyncio.run(end(described(pulumi, stack, secrets=False)))
    except PosCloudError as error:
        for line in error.done if isinstance(error, NotEndedError) else []:
            reporter.note(line)
        reporter.note(
            f"the environment is up, but changes by hand were not ended: {_told(error)}\n"
            f"  the next one tries again: poscloud up -s {stack}"
        )
        return
    for line in done:
        reporter.note(line)


def _told(error: PosCloudError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
