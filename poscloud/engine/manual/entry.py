"""One entry of the ledger of manual changes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poscloud.engine.environments.expiry import read, written
from poscloud.provider.diff import path_text
from poscloud.provider.items import as_step

POD = "Pod"
"""Kind of an entry that tells of a pod somebody was in."""

DELETE = "delete"
"""Action of an entry that tells of a workload which was deleted, through the stack."""


@dataclass(frozen=True)
class Change:
    """One field that was changed.

    Attributes:
        path: The field, as keys of maps and items of lists.
        before: Its value before; ``None`` when it had none.
        after: The value it was given; ``None``: it was removed.
    """

    path: tuple[str, ...]
    before: Any
    after: Any

    @property
    def field(self) -> str:
        """The field, as a person writes it: ``spec.replicas``."""
        return path_text(self.path)

    def __str__(self) -> str:
        return f"{self.field} {self.before} → {self.after}"


@dataclass(frozen=True)
class Entry:
    """A change by hand that went through poscloud.

    Attributes:
        action: What was done: ``scale``, ``restart``, ``clean``, ``push-jar``, ``shell``, ``exec``, ``delete``.
        api_version: Of the object.
        kind: Of the object.
        name: Of the object, which is in the environment's namespace.
        changes: Every field that was changed; none of a pod that somebody was in, or of what was deleted.
        who: Who did it.
        why: Why.
        at: When.
        until: Until when it stays; ``None``: until the next ``up``.
        reverts: Whether there is something to put back: a restart is over as soon as it is done.
        versions: Of a service that was given another version: the one before, and that one.
        uid: Of a pod that somebody was in, or of what was deleted: which one it is.
        container: … and which of its containers.
    """

    action: str
    api_version: str
    kind: str
    name: str
    changes: tuple[Change, ...]
    who: str
    why: str
    at: datetime
    until: datetime | None = None
    reverts: bool = True
    versions: tuple[str, str] | None = None
    uid: str = ""
    container: str = ""

    @property
    def object(self) -> str:
        """The object as people name it."""
        return f"{self.kind} {self.name}"

    @property
    def key(self) -> str:
        """What tells entries apart: one for each field of an object, for its version, for a visit of a pod."""
        if self.kind == POD:
            what = f"{self.container}.{written(self.at)}"
        elif self.action == DELETE:
            what = DELETE
        else:
            what = "version" if self.versions else self.changes[0].field
        return re.sub(r"[^-._a-zA-Z0-9]", "-", f"{self.kind}.{self.name}.{what}")[:253]

    @property
    def done(self) -> str:
        """What was done, in a few words."""
        if self.kind == POD:
            return f"{self.action} in container {self.container}"
        if self.action == DELETE:
            return "deleted"
        if not self.reverts:
            return f"{self.action}ed"
        if self.versions:
            return f"{self.action}, version {self.versions[0]} → {self.versions[1]}"
        return f"{self.action}, {', '.join(map(str, self.changes))}"

    def is_due(self, now: datetime) -> bool:
        """Whether its end has passed."""
        return self.reverts and self.until is not None and self.until <= now

    def __str__(self) -> str:
        end = f"until {written(self.until)}" if self.until else "until the next up"
        span = f", {end}" if self.reverts else ""
        return f"{self.object}: {self.done} by {self.who} on {written(self.at)}{span}: {self.why}"


def as_text(entry: Entry) -> str:
    """Return an entry as the ledger keeps it."""
    data = {name: value for name, value in as_data(entry).items() if name != "field"}
    data |= {"changes": [_without_field(change) for change in data["changes"]]} if "changes" in data else {}
    return json.dumps(data, ensure_ascii=False)


def as_data(entry: Entry) -> dict[str, Any]:
    """Return an entry as data; that of one field has its path and values at the top."""
    data = {name: getattr(entry, name) for name in ("action", "api_version", "kind", "name")}
    fields = [_as_data(change) for change in entry.changes]
    data |= fields[0] if len(fields) == 1 else {"changes": fields}
    data |= {"who": entry.who, "why": entry.why, "reverts": entry.reverts, "at": written(entry.at)}
    data |= {"until": written(entry.until) if entry.until else None}
    optional = {"versions": entry.versions, "uid": entry.uid, "container": entry.container}
    return data | {name: value for name, value in optional.items() if value}


def from_text(text: str) -> Entry | None:
    """Return what the ledger keeps as an entry; ``None`` when it is none, for example of a later version."""
    try:
        data = json.loads(text)
        fields = data.pop("changes", None)
        if fields is None:
            fields = [{name: data.pop(name) for name in ("path", "before", "after")}]
        data["changes"] = tuple(_change(field) for field in fields)
        data |= {"at": read(data["at"]), "until": read(data["until"]) if data.get("until") else None}
        data["versions"] = tuple(data["versions"]) if data.get("versions") else None
        found = Entry(**data)
        return found if found.at and (found.changes or found.uid) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _as_data(change: Change) -> dict[str, Any]:
    values = {"before": change.before, "after": change.after}
    return {"path": list(change.path), **values, "field": change.field}


def _without_field(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "field"}


def _change(data: dict[str, Any]) -> Change:
    return Change(tuple(map(as_step, data["path"])), data["before"], data["after"])
