"""What is asked of every change by hand before anything is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from poscloud.engine.description import may_be_production
from poscloud.engine.locks import refuse_in_use
from poscloud.engine.manual.place import Place, place_of
from poscloud.errors import PosCloudError
from poscloud.local.progress import Reporter
from poscloud.spec.lifetime import seconds


def begin(root: Path, stack: str, reporter: Reporter, *, yes: bool) -> Place:
    """Return where an environment is that may be changed by hand now.

    Raises:
        PosCloudError: There is no such stack, it is production and nobody said ``yes``, or a run is under way.
    """
    place = place_of(root, stack, reporter)
    refuse_production(place, yes=yes)
    refuse_in_use(place.pulumi.paths, stack)
    return place


def refuse_production(place: Place, *, yes: bool) -> None:
    """Make sure that an environment is not production by mistake.

    Raises:
        PosCloudError: It is, or may be, and nobody said ``yes``.
    """
    if not yes and not place.target.local and may_be_production(place.root, place.stack):
        raise PosCloudError(
            f"{place.stack} is production", hint="if it is meant: the same command with --yes"
        )


def end_of(lasts: str) -> datetime | None:
    """Return when a change is over that lasts so long; ``None``, for empty: with the next ``up``.

    Raises:
        PosCloudError: It is no duration.
    """
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds(lasts)) if lasts else None
    except ValueError as error:
        raise PosCloudError(f"--for: {error}", hint="for example --for 2h") from None
