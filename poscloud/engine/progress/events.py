"""What the engine tells of a run: one JSON object a line, of which a few kinds matter here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from poscloud.errors import PosCloudError

What = Literal["begin", "done", "failed", "told", "error", "end"]

_COLOUR = re.compile(
    r"<\{%[^%]*%\}>|\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
"""Colours, and whatever else a terminal would obey: the last lines of a container's log are in messages."""
_KEPT = frozenset({"same", "read", "refresh"})


class UnknownEventsError(PosCloudError):
    """What the engine writes is no list of events."""


@dataclass(frozen=True)
class Event:
    """One step of a run.

    Attributes:
        what: ``begin``, ``done`` and ``failed`` of an object; ``told`` while it is waited for; ``error``; ``end``.
        component: The component that the object belongs to; empty for none.
        object: Kind and name, ``Deployment web``; empty for a component itself.
        changes: Whether the step changes something.
        text: What was told.
        counts: At the end: what was done → to how many resources.
    """

    what: What
    component: str = ""
    object: str = ""
    changes: bool = False
    text: str = ""
    counts: tuple[tuple[str, int], ...] = ()


def parse(line: str | bytes) -> Iterator[Event]:
    """Yield the event of a line, if it is one that matters.

    Raises:
        UnknownEventsError: It is no JSON object.
    """
    try:
        data = json.loads(line)
    except ValueError as error:
        raise UnknownEventsError(f"the engine's event cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise UnknownEventsError("the engine's event is no map")
    if found := data.get("resourcePreEvent"):
        yield _step("begin", found["metadata"])
    elif found := data.get("resOutputsEvent"):
        yield _step("done", found["metadata"])
    elif found := data.get("resOpFailedEvent"):
        yield _step("failed", found["metadata"])
    elif found := data.get("diagnosticEvent"):
        yield from _told(found)
    elif found := data.get("summaryEvent"):
        counts = {str(op): int(count) for op, count in (found.get("resourceChanges") or {}).items()}
        yield Event("end", counts=tuple(sorted(counts.items())))


def _step(what: What, metadata: dict[str, Any]) -> Event:
    urn = str(metadata.get("urn", ""))
    state = metadata.get("new") or metadata.get("old") or {}
    component, obj = place_of(urn, str(state.get("parent") or ""))
    return Event(what, component, obj, changes=str(metadata.get("op", "same")) not in _KEPT)


def _told(found: dict[str, Any]) -> Iterator[Event]:
    component, obj = place_of(str(found.get("urn") or ""), "")
    text = " ".join(_COLOUR.sub("", str(found.get("message", ""))).split())
    if found.get("severity") == "error":
        yield Event("error", component, obj, text=text)
    elif found.get("ephemeral") and obj and text:
        yield Event("told", component, obj, text=text)


def place_of(urn: str, parent: str) -> tuple[str, str]:
    """Return the component and the object that a resource's name means.

    Args:
        urn: ``urn:pulumi:STACK::PROJECT::TYPES::NAME``, where TYPES are its parents' types and its own, with ``$``.
        parent: Its parent's; where it is not known, the name of the object itself tells (``SPACE/NAME``).
    """
    types, _, name = urn.partition("::")[2].partition("::")[2].partition("::")
    *above, own = types.split("$")
    if own.startswith("poscloud:"):
        return (name, "") if len(above) else ("", "")
    owner = parent.rpartition("::")[2] if ":poscloud:" in f":{_own_type(parent)}" and "$" in parent else ""
    short = name.rpartition("/")[2]
    return owner, f"{own.rpartition(':')[2]} {short}"


def _own_type(urn: str) -> str:
    return urn.partition("::")[2].partition("::")[2].partition("::")[0].rpartition("$")[2]
