"""Differences as a person reads them, and as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from poscloud.engine.drift.difference import Compared, Difference
from poscloud.engine.drift.keyed import unkeyed
from poscloud.engine.drift.report import Report
from poscloud.engine.manual.entry import as_data
from poscloud.provider.hiding import HIDDEN

Hide = Callable[[str], str]

LONGEST = 80
"""Characters of a value that are shown."""

STATES = {
    "missing": "is gone",
    "deleting": "is being deleted",
    "anew": "is another one now: it was deleted and made again",
}


def lines(report: Report) -> Iterator[str]:
    """Yield what is shown of a report, grouped by component."""
    component = ""
    for found in report.shown:
        if found.described.component != component:
            component = found.described.component
            yield component
        state = f" {STATES[found.state]}" if found.state in STATES else ""
        yield f"  {' '.join(found.described.key)}{state}"
        for difference in found.differences:
            yield f"    {difference.field}: {report.secrets.hide(_told(difference, report.secrets.hide))}"


def as_components(report: Report) -> list[dict[str, Any]]:
    """Return what is shown of a report as data."""
    components: dict[str, list[dict[str, Any]]] = {}
    for found in report.shown:
        components.setdefault(found.described.component, []).append(_object(report, found))
    return [{"name": name, "objects": objects} for name, objects in components.items()]


def _object(report: Report, found: Compared) -> dict[str, Any]:
    return {
        "kind": found.described.kind,
        "namespace": found.described.namespace or None,
        "name": found.described.name,
        "state": found.state,
        "drift": found.is_drift,
        "fields": [_field(report, difference) for difference in found.differences],
    }


def _field(report: Report, difference: Difference) -> dict[str, Any]:
    def shown(value: Any) -> Any:
        text = json.dumps(unkeyed(value), ensure_ascii=False)
        hidden = report.secrets.hide(text)
        return (
            HIDDEN
            if difference.hidden and value is not None
            else json.loads(text)
            if hidden == text
            else hidden
        )

    return {
        "field": difference.field,
        "change": difference.kind,
        "stack": shown(difference.stack),
        "live": shown(difference.live),
        "by": asdict(difference.by) if difference.by else None,
        "recorded": as_data(difference.recorded) if difference.recorded else None,
    }


def _told(difference: Difference, hide: Hide) -> str:
    by = difference.by
    if entry := difference.recorded:
        end = f" until {as_data(entry)['until']}" if entry.until else ""
        who = f"recorded{end}: {entry.action} by {entry.who}, {as_data(entry)['at']}: {entry.why}"
    elif by is None:
        who = "nobody is kept as its writer"
    else:
        who = f"last written by {by}" if difference.kind == "removed" else f"by {by}"
    return f"{_values(difference, hide)}  ({who})"


def _values(difference: Difference, hide: Hide) -> str:
    if difference.hidden:
        return f"{difference.kind}, secret"
    if difference.kind == "added":
        return f"added: {_short(difference.live, hide)}"
    if difference.kind == "removed":
        return f"removed; the stack says {_short(difference.stack, hide)}"
    if isinstance(difference.live, str) and isinstance(difference.stack, str):
        live, stack = _parted(difference.live, difference.stack, hide)
        return f"{live}; the stack says {stack}"
    return f"{_short(difference.live, hide)}; the stack says {_short(difference.stack, hide)}"


def _parted(live: str, stack: str, hide: Hide) -> tuple[str, str]:
    """Return two texts, or of long ones the first line in which they differ."""
    if max(len(live), len(stack)) <= LONGEST and "\n" not in live + stack:
        return _short(live, hide), _short(stack, hide)
    pairs = zip_longest(live.splitlines(), stack.splitlines(), fillvalue="")
    number, (one, other) = next(
        ((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1]), (1, (live, stack))
    )
    return f"line {number} is {_short(one, hide)}", _short(other, hide)


def _short(value: Any, hide: Hide) -> str:
    """Return the beginning of a value; what is secret is hidden first, as nobody knows half of it again."""
    text = value if isinstance(value, str) else json.dumps(unkeyed(value), ensure_ascii=False)
    text = hide(text) if text else "(empty)"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
