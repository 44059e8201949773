"""When an environment ends, as its namespace says.

The namespace says it, and not a file: a sweep has to know it of environments whose branch is gone. The end counts from
the last activity, and nothing that comes later makes it earlier without saying so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from poscloud.render import names
from poscloud.spec.lifetime import FOREVER, seconds


@dataclass(frozen=True)
class Lease:
    """What a namespace says about how long its environment stays.

    Attributes:
        ttl: Time without activity after which it ends, ``8h``; ``forever``; empty when nothing is said, and it stays.
        active: When somebody last did something with it.
        keep_until: Until when it stays in any case; ``None`` when nothing is said.
    """

    ttl: str
    active: datetime
    keep_until: datetime | None

    @property
    def ends(self) -> datetime | None:
        """When it ends; ``None``: it stays."""
        try:
            end = self.active + timedelta(seconds=seconds(self.ttl))
        except ValueError:
            return None
        return max(end, self.keep_until) if self.keep_until else end

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended."""
        return self.ends is not None and self.ends <= now


def lease_of(namespace: dict[str, Any]) -> Lease:
    """Return what a live namespace says; a time that cannot be read is as one that is not there."""
    meta = namespace["metadata"]
    said = meta.get("annotations") or {}
    made = moment(meta.get("creationTimestamp")) or datetime.now(UTC)
    active = moment(said.get(names.ACTIVE_ANNOTATION))
    return Lease(
        ttl=str(said.get(names.TTL_ANNOTATION, "")),
        active=max(made, active) if active else made,
        keep_until=moment(said.get(names.KEEP_ANNOTATION)),
    )


def stays(lease: Lease) -> bool:
    """Whether an environment stays because it says so, or because nothing is said."""
    return lease.ttl in ("", FOREVER)


def written(moment: datetime) -> str:
    """Return a time as Kubernetes writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: object) -> datetime | None:
    """Return a time that an annotation says; ``None`` when it says none that can be read."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
