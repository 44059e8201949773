"""One object of a stack beside the live one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from poscloud.engine.drift.described import Described
from poscloud.engine.drift.difference import Compared, Difference, State
from poscloud.engine.drift.keyed import Steps, entries, keyed, owned
from poscloud.engine.drift.sealed import is_hidden, sealed
from poscloud.engine.drift.writers import added, is_stacks, last_writer, strangers, who_wrote, writer
from poscloud.engine.manual.asleep import REPLICAS, asleep
from poscloud.provider.diff import changes, get, prune
from poscloud.provider.items import Item

Object = dict[str, Any]


def in_question(described: Described, live: Object) -> bool:
    """Whether what the stack sets looks different in the live object; the server may mean the same by it."""
    wanted = described.wanted
    fields = owned(entries(live))
    return bool(changes(prune(keyed(live, fields), keyed(wanted, fields)), keyed(wanted, fields)))


def compare(
    described: Described, live: Object | None, result: Object | None = None, ignored: Collection[str] = ()
) -> Compared:
    """Return in which fields an object differs.

    Args:
        described: The stack's.
        live: The live one.
        result: What the server would make of it if the stack's values were applied; without it, the values are
            compared as they are written.
        ignored: Field managers whose additions are no differences.
    """
    if live is None:
        return Compared(described, {}, "missing")
    if get(live, "metadata", "deletionTimestamp"):
        return Compared(described, live, "deleting")
    fields = owned([*entries(live), *entries(result or {})])
    tree, wanted = keyed(live, fields), keyed(described.wanted, fields)
    meant = prune(keyed(result, fields), wanted) if result else wanted
    found = _set(described, live, tree, wanted, meant)
    found += _added(described, live, tree, wanted, ignored, {d.steps for d in found})
    if asleep(live):
        found = [difference for difference in found if difference.steps != REPLICAS]
    is_anew = bool(described.uid) and get(live, "metadata", "uid") != described.uid
    state: State = "anew" if is_anew else "changed" if found else "same"
    return Compared(described, live, state, found)


def _set(described: Described, live: Object, tree: Any, wanted: Any, meant: Any) -> list[Difference]:
    """Return the fields that the stack sets and that are others now."""
    others = [entry for entry in entries(live) if not is_stacks(entry, described.manager)]
    found = []
    for change in changes(prune(tree, wanted), meant):
        steps = tuple(Item(f"[{step}]") if isinstance(step, int) else step for step in change.path)
        gone, last = change.old is None, steps[-1] if steps else ""
        found.append(
            Difference(
                steps,
                "removed" if gone else "changed",
                stack=sealed(change.new, last),
                live=sealed(change.old, last),
                hidden=is_hidden(described.mask, steps, tree, meant),
                by=last_writer(strangers(live, described.manager)) if gone else who_wrote(others, steps),
            )
        )
    return found


def _added(
    described: Described, live: Object, tree: Any, wanted: Any, ignored: Collection[str], known: set[Steps]
) -> list[Difference]:
    """Return the fields that somebody else has in the object and the stack never set."""
    found: dict[Steps, Difference] = {}
    for entry in strangers(live, described.manager, ignored):
        for steps, value in added(entry, live, tree, wanted):
            if not any(steps[: len(other)] == other for other in (*known, *found)):
                hidden = is_hidden(described.mask, steps, tree)
                shown = sealed(value, steps[-1])
                found[steps] = Difference(steps, "added", live=shown, hidden=hidden, by=writer(entry))
    return list(found.values())
