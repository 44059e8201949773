"""``poscloud drift`` as a whole: what is over is put back, what drifted as well if that is wanted, then it is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from poscloud.engine import unrecorded
from poscloud.engine.drift.described import described
from poscloud.engine.drift.report import Report, drift
from poscloud.engine.drift.revert import revert
from poscloud.engine.locks import refuse_in_use
from poscloud.engine.manual.due import NotEndedError, put_back
from poscloud.engine.manual.place import Place, place_of, refuse_others
from poscloud.errors import PosCloudError
from poscloud.local.progress import Reporter


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        revert: Put the stack's values back where nobody recorded the change.
        revert_due: Put back recorded changes whose time is over.
        yes: Do so elsewhere than on the local cluster.
        ignored: Field managers whose additions are no drift.
    """

    revert: bool = False
    revert_due: bool = False
    yes: bool = False
    ignored: tuple[str, ...] = ()


def look(
    root: Path,
    stack: str,
    wanted: Wanted,
    reporter: Reporter,
    note: Callable[[str], None],
    now: datetime | None = None,
) -> Report:
    """Compare a stack with the cluster, after what is wanted was put back.

    Args:
        root: The project's folder.
        stack: The environment.
        wanted: What is asked for.
        reporter: Shows progress.
        note: Gets a line for each change that was put back.
        now: The time at which recorded changes are over; by default this moment.

    Raises:
        StackNotFoundError: There is neither a description nor a state of that name.
        AuthError: The passphrase is not the stack's, or this user may not list what the stack has.
        DeployError: The namespace is not there or not this stack's; or not everything could be put back.
        PosCloudError: The cluster does not answer; or it is not the local one, and nobody said ``yes``.
    """
    place, now = place_of(root, stack, reporter), now or datetime.now(UTC)
    if wanted.revert and not (wanted.yes or place.target.local):
        raise PosCloudError(
            f"stack {stack} goes to {place.target}; nothing was put back",
            hint=f"look first: poscloud drift -s {stack}; then the same command with --yes",
        )
    if unrecorded.is_marked(place.pulumi.paths, stack):
        note(
            f"the last run of {stack} was killed, and its state may be older than the cluster: poscloud up -s {stack}"
        )
    if wanted.revert_due:
        _tell_due(place, now, note)
    found = drift(place, ignored=wanted.ignored, now=now)
    if not wanted.revert or not found.drifted:
        return found
    revert(place, found, reporter)
    return drift(place, ignored=wanted.ignored, now=now)


def _tell_due(place: Place, now: datetime, note: Callable[[str], None]) -> None:
    """Put back what is over, and tell it, also where not all of it could be put back."""
    try:
        done = put_back_due(place, now)
    except NotEndedError as error:
        for line in error.done:
            note(line)
        raise
    for line in done:
        note(line)


def put_back_due(place: Place, now: datetime) -> list[str]:
    """End the recorded changes whose time is over, and return a line for each.

    Raises:
        NotEndedError: Some of them could not be put back; the others were.
        DeployError: Another run is under way, or the namespace is not this stack's.
        PosCloudError: The cluster does not answer, or refuses.
    """
    refuse_in_use(place.pulumi.paths, place.stack)
    found = described(place.pulumi, place.stack, secrets=False)

    async def end() -> list[str]:
        cluster = place.cluster()
        await refuse_others(place, cluster)
        return await put_back(cluster, place.stack, found, now)

    return asyncio.run(end())
