"""How many copies there may be, and who of those that wait for room is next. No cluster is asked here.

A copy that waits is a namespace already, its ticket: who was made first is first. It counts as waiting for as long as
it says so every now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from poscloud.engine.environments.expiry import Lease, lease_of, read
from poscloud.errors import PosCloudError
from poscloud.provider.diff import get
from poscloud.render import names
from poscloud.spec.lifetime import Copies, in_words

COPY_OF, TEAM = "copy-of", "team"
"""What a limit is for: the copies of one environment, or those of one team."""

ALIVE = timedelta(seconds=90)
"""How long a sign of life counts; who has been silent for longer does not wait any more."""


@dataclass(frozen=True)
class Copy:
    """A copy that is there, or waits until it may be.

    Attributes:
        name: Stack and namespace.
        made: When its namespace was made.
        copy_of: The environment it is a copy of.
        team: The team it counts for; empty for none.
        lease: How long it stays.
        deleting: Whether its namespace is being deleted.
        sign: The last sign of life of who waits; ``None``: it waits for nothing.
        waits_for: The kinds of limits that it waits for.
        let_in: Whether it has seen room and takes it.
    """

    name: str
    made: datetime
    copy_of: str
    team: str
    lease: Lease
    deleting: bool = False
    sign: datetime | None = None
    waits_for: frozenset[str] = frozenset()
    let_in: bool = False

    def is_gone(self, now: datetime) -> bool:
        """Whether it waited, and who did has not been heard of for too long."""
        return self.sign is not None and now - self.sign > ALIVE

    def waits(self, now: datetime) -> bool:
        """Whether it stands in the queue."""
        return self.sign is not None and not (self.let_in or self.deleting or self.is_gone(now))

    def takes_room(self, now: datetime) -> bool:
        """Whether it counts as one that is there."""
        return self.sign is None or (self.let_in and not self.is_gone(now))

    def of(self, kind: str) -> str:
        """Return what a kind of limit counts it for."""
        return self.copy_of if kind == COPY_OF else self.team

    def is_before(self, other: Copy) -> bool:
        """Whether it is the first of two."""
        return (self.made, self.name) < (other.made, other.name)


@dataclass(frozen=True)
class Limit:
    """How many copies there may be at a time.

    Attributes:
        kind: ``copy-of`` or ``team``.
        of: The environment, or the team.
        most: How many.
        where: Where it is written, for messages.
    """

    kind: str
    of: str
    most: int
    where: str

    def counts(self, copy: Copy) -> bool:
        """Whether a copy is one of those that it counts."""
        return copy.of(self.kind) == self.of


@dataclass(frozen=True)
class Refusal:
    """A limit that leaves no room.

    Attributes:
        limit: Which.
        there: The copies that there are.
        before: How many wait for it already.
    """

    limit: Limit
    there: Sequence[Copy]
    before: int

    def error(self, now: datetime, *, waited: bool = False) -> PosCloudError:
        """Return what to tell who asked, or has waited until the time was up, with the copy that ends first."""
        limit, number = self.limit, len(self.there)
        waiting = f" and {self.before} that wait{'s' if self.before == 1 else ''}" if self.before else ""
        some = f"{number} cop{'y' if number == 1 else 'ies'}"
        if limit.kind == COPY_OF:
            verb = "is" if number == 1 else "are"
            text = f"there {verb} {some} of {limit.of}{waiting}, and there may be {limit.most} at a time"
        else:
            text = f"team {limit.of} has {some}{waiting}, and may have {limit.most} at a time"
        ending = sorted((copy.lease.ends, copy.name) for copy in self.there if copy.lease.ends)
        first = f"; {ending[0][1]} ends first, {_when(ending[0][0], now)}" if ending else ""
        wait = (
            "longer: the same command with a greater --wait"
            if waited
            else "for it: the same command with --wait 30m"
        )
        return PosCloudError(
            f"{text} ({limit.where}){first}", hint=f"release one: poscloud env destroy NAME; or wait {wait}"
        )


def copy_in(namespace: dict[str, Any]) -> Copy:
    """Return the copy that a live namespace is, or will be."""
    meta = namespace["metadata"]
    said = meta.get("annotations") or {}
    made = read(meta.get("creationTimestamp")) or datetime.now(UTC)
    waiting = names.WAITING_ANNOTATION in said
    return Copy(
        name=str(meta["name"]),
        made=made,
        copy_of=str(said.get(names.COPY_ANNOTATION, "")),
        team=str(said.get(names.TEAM_ANNOTATION, "")),
        lease=lease_of(namespace),
        deleting="deletionTimestamp" in meta,
        sign=(read(said[names.WAITING_ANNOTATION]) or made) if waiting else None,
        waits_for=frozenset(filter(None, str(said.get(names.WAITS_FOR_ANNOTATION, "")).split(","))),
        let_in=names.LET_IN_ANNOTATION in said,
    )


def annotated_by(namespace: dict[str, Any], manager: str, name: str) -> bool:
    """Whether it was this field manager that wrote an annotation as a live namespace has it."""
    entries = namespace["metadata"].get("managedFields") or [] if namespace else []
    return any(
        entry.get("manager") == manager
        and f"f:{name}" in get(entry, "fieldsV1", "f:metadata", "f:annotations", default={})
        for entry in entries
    )


def limits_of(copies: Copies, original: str, team: str) -> list[Limit]:
    """Return the limits for one more copy.

    Args:
        copies: What may be made of the environment that is copied.
        original: That environment.
        team: The team the copy counts for; empty for none.

    Raises:
        PosCloudError: Teams are limited, and which one it is for is not said.
    """
    where = f"`copies` of {original}"
    found = [Limit(COPY_OF, original, copies.at_once, f"{where}: `at_once`")] if copies.at_once else []
    if (copies.teams or copies.at_once_per_team) and not team:
        field = "at_once_per_team" if copies.at_once_per_team else "teams"
        known = f"; with a limit of their own: {', '.join(sorted(copies.teams))}" if copies.teams else ""
        raise PosCloudError(
            f"{original} limits the copies of each team ({where}: `{field}`), and which team this one is for is not "
            "said",
            hint=f"the same command with --team NAME, or the variable POSCLOUD_TEAM{known}",
        )
    if most := copies.of_team(team):
        field = f"teams.{team}" if team in copies.teams else "at_once_per_team"
        found.append(Limit(TEAM, team, most, f"{where}: `{field}`"))
    return found


def newcomer(name: str, original: str, team: str) -> Copy:
    """Return a copy behind all that wait: one that has no ticket yet."""
    last = datetime.max.replace(tzinfo=UTC)
    return Copy(name, last, original, team, Lease("", last, None))


def refusal(mine: Copy, limits: Iterable[Limit], copies: Iterable[Copy], now: datetime) -> Refusal | None:
    """Return the first limit that leaves no room for a copy; ``None``: it may be made.

    Those that wait for the same limit and came before have their room first, also where they do not take it yet
    because of another limit: nobody is overtaken.

    Args:
        mine: The copy.
        limits: The limits for it.
        copies: All that are there or wait.
        now: The time.
    """
    others = [copy for copy in copies if copy.name != mine.name]
    for limit in limits:
        counted = [copy for copy in others if limit.counts(copy)]
        there = [copy for copy in counted if copy.takes_room(now)]
        before = [c for c in counted if c.waits(now) and limit.kind in c.waits_for and c.is_before(mine)]
        if len(there) + len(before) >= limit.most:
            return Refusal(limit, there, len(before))
    return None


def rivals(mine: Copy, copies: Iterable[Copy], now: datetime) -> list[Copy]:
    """Return those that wait for a limit which a waiting copy waits for as well, itself among them, in their order."""
    found = [
        copy
        for copy in copies
        if copy.waits(now) and any(copy.of(kind) == mine.of(kind) for kind in copy.waits_for & mine.waits_for)
    ]
    return sorted(found, key=lambda copy: (copy.made, copy.name))


def place(mine: Copy, copies: Iterable[Copy], now: datetime) -> int:
    """Return the place of a copy among its rivals, the first is 1; 0 when it does not wait."""
    order = [copy.name for copy in rivals(mine, copies, now)]
    return order.index(mine.name) + 1 if mine.name in order else 0


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``3rd``, ``4th``, ``11th``."""
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _when(end: datetime, now: datetime) -> str:
    left = (end - now).total_seconds()
    return f"in {in_words(left)}" if left > 0 else "its time is up: poscloud env sweep --yes"
