"""Whether an environment sleeps, and whether its office hours want that changed, as its namespace says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from poscloud.engine.environments.expiry import read
from poscloud.render import names
from poscloud.spec.officehours import OfficeHours

OFFICE_HOURS = "office hours"
"""What put an environment to sleep that nobody put to sleep."""

AWAKE = timedelta(hours=2)
"""How long an environment stays awake after somebody did something with it outside of its office hours."""


@dataclass(frozen=True)
class Rest:
    """What a namespace says of sleep.

    Attributes:
        asleep: Since when the environment sleeps, in RFC 3339; empty when it does not.
        by: Who put it to sleep, or ``OFFICE_HOURS``.
        awake_until: Until when no office hours put it to sleep; ``None``: no such time.
        hours: When it is worked with, as ``OfficeHours`` writes it; empty for always.
    """

    asleep: str = ""
    by: str = ""
    awake_until: datetime | None = None
    hours: str = ""

    def due(self, active: datetime, now: datetime, pods: int = 0) -> Literal["sleep", "wake", ""]:
        """Return what the office hours want done now; hours that cannot be read want nothing.

        Who was put to sleep by somebody is left to sleep.

        Args:
            active: When somebody last did something with the environment.
            now: This moment.
            pods: How many its workloads are to have; one that was put to sleep halfway still has some.
        """
        try:
            is_open = OfficeHours.parse(self.hours).is_open(now)
        except ValueError:
            return ""
        if is_open:
            return "wake" if self.asleep and self.by == OFFICE_HOURS else ""
        stays = max(active + AWAKE, self.awake_until) if self.awake_until else active + AWAKE
        asleep = bool(self.asleep) and (self.by != OFFICE_HOURS or not pods)
        return "" if asleep or now < stays else "sleep"


def rest_of(namespace: dict[str, Any]) -> Rest:
    """Return what a live namespace says."""
    said = namespace["metadata"].get("annotations") or {}
    return Rest(
        asleep=str(said.get(names.ASLEEP_ANNOTATION, "")),
        by=str(said.get(names.ASLEEP_BY_ANNOTATION, "")),
        awake_until=read(said.get(names.AWAKE_ANNOTATION)),
        hours=str(said.get(names.OFFICE_HOURS_ANNOTATION, "")),
    )
