"""What a sweep does for environments that stay: office hours, and changes by hand whose time is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from poscloud.engine.environments.listing import Environment
from poscloud.engine.environments.rest import OFFICE_HOURS
from poscloud.engine.environments.sleep import sleep, wake
from poscloud.engine.locks import refuse_in_use
from poscloud.engine.stackconfig import project_name
from poscloud.errors import PosCloudError
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import Reporter


@dataclass
class Upkeep:
    """What was done, or is to be done.

    Attributes:
        due: Environment → ``sleep`` or ``wake``, as its office hours want.
        changed: Those of them that were put to sleep or woken.
        by_hand: What became of changes by hand whose time was over.
        failed: Environment → why it could not be done; the next sweep tries again.
    """

    due: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def noting(self, environment: Environment) -> Iterator[None]:
        """Keep why something could not be done for an environment, and go on with the next."""
        try:
            yield
        except PosCloudError as error:
            before = self.failed.get(environment.name)
            self.failed[environment.name] = f"{before}; {error}" if before else str(error)


def keep_up(root: Path, stay: list[Environment], now: datetime, reporter: Reporter, *, yes: bool) -> Upkeep:
    """Find what environments that stay want done, and do it with ``yes``.

    Args:
        root: The project's folder.
        stay: The environments.
        now: The time.
        reporter: Shows progress.
        yes: Do it.
    """
    found = Upkeep()
    there = [environment for environment in stay if not (environment.deleting or environment.queued)]
    found.due = {e.name: due for e in there if (due := e.rest.due(e.lease.active, now, e.pods))}
    for environment in there if yes else ():
        # Each by itself: a change that cannot be put back keeps nobody awake.
        with found.noting(environment):
            if not environment.rest.asleep:  # who sleeps has the numbers of before
                _put_back(root, environment, now, found.by_hand)
        with found.noting(environment):
            if wanted := found.due.get(environment.name):
                refuse_in_use(ProjectPaths(root), environment.name)
                _rest(root, environment, wanted, reporter)
                found.changed.append(environment.name)
    return found


def _rest(root: Path, environment: Environment, due: str, reporter: Reporter) -> None:
    """Put an environment to sleep or wake it."""
    assert environment.target
    mark = f"{project_name(root)}/{environment.name}"
    if due == "sleep":
        sleep(environment.target, environment.name, mark, OFFICE_HOURS, reporter)
    else:
        wake(environment.target, environment.name, mark, reporter)


def _put_back(root: Path, environment: Environment, now: datetime, told: list[str]) -> None:
    """Put back what was changed by hand in an environment, and is over; add what was done to what is told."""
    from poscloud.engine.manual.due import NotEndedError
    from poscloud.engine.manual.everywhere import put_back

    assert environment.target
    try:
        done = put_back(root, environment.target, environment.name, now)
    except NotEndedError as error:
        told += [f"{environment.name}: {line}" for line in error.done]
        raise
    told += [f"{environment.name}: {line}" for line in done]
