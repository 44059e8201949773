"""One entry of the ledger of manual changes."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from poscloud.engine.environments.expiry import read, written
from poscloud.provider.diff import path_text


@dataclass(frozen=True)
class Entry:
    """A change by hand that went through poscloud.

    Attributes:
        action: What was done: ``scale``, ``restart``.
        api_version: Of the object.
        kind: Of the object.
        name: Of the object, which is in the environment's namespace.
        path: What was changed, as keys of maps.
        before: Its value before; ``None`` when it had none.
        after: The value it was given.
        who: Who did it.
        why: Why.
        at: When.
        until: Until when it stays; ``None``: until the next ``up``.
        reverts: Whether there is something to put back: a restart is over as soon as it is done.
    """

    action: str
    api_version: str
    kind: str
    name: str
    path: tuple[str, ...]
    before: Any
    after: Any
    who: str
    why: str
    at: datetime
    until: datetime | None = None
    reverts: bool = True

    @property
    def object(self) -> str:
        """The object as people name it."""
        return f"{self.kind} {self.name}"

    @property
    def field(self) -> str:
        """What was changed, as a person writes it: ``spec.replicas``."""
        return path_text(self.path)

    @property
    def key(self) -> str:
        """What tells entries apart: one for each field of an object."""
        return re.sub(r"[^-._a-zA-Z0-9]", "-", f"{self.kind}.{self.name}.{self.field}")[:253]

    def is_due(self, now: datetime) -> bool:
        """Whether its end has passed."""
        return self.reverts and self.until is not None and self.until <= now

    def __str__(self) -> str:
        done = (
            f"{self.action}, {self.field} {self.before} → {self.after}"
            if self.reverts
            else f"{self.action}ed"
        )
        end = f"until {written(self.until)}" if self.until else "until the next up"
        span = f", {end}" if self.reverts else ""
        return f"{self.object}: {done} by {self.who} on {written(self.at)}{span}: {self.why}"


def as_text(entry: Entry) -> str:
    """Return an entry as the ledger keeps it."""
    return json.dumps(
        {name: value for name, value in as_data(entry).items() if name != "field"}, ensure_ascii=False
    )


def as_data(entry: Entry) -> dict[str, Any]:
    """Return an entry as data."""
    times = {"at": written(entry.at), "until": written(entry.until) if entry.until else None}
    return {**asdict(entry), "field": entry.field, **times}


def from_text(text: str) -> Entry | None:
    """Return what the ledger keeps as an entry; ``None`` when it is none, for example of a later version."""
    try:
        data = json.loads(text)
        times = {"at": read(data["at"]), "until": read(data["until"]) if data.get("until") else None}
        found = Entry(**{**data, "path": tuple(data["path"]), **times})
        return found if found.at else None
    except (ValueError, TypeError, KeyError):
        return None
