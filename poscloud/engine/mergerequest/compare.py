"""Two sanitised environments, compared: pure functions, no I/O."""

from __future__ import annotations

from collections.abc import Iterator

from poscloud.engine.mergerequest.baseline import Baseline
from poscloud.engine.mergerequest.changes import Comparison, ComponentChange, Happens, ObjectChange
from poscloud.engine.mergerequest.grade import added, changed, removed
from poscloud.engine.mergerequest.totals import Scalers, scalers, total
from poscloud.render import Manifest


def compare(old: Baseline | None, new: Baseline) -> Comparison:
    """Return what ``new`` changes of ``old``.

    An object is the same one where its kind and name are, whichever component it belongs to.

    Args:
        old: What runs; ``None`` when nothing is known of it, and everything is new.
        new: What the branch describes, sanitised with the same key.
    """
    before, after = _objects(old) if old else {}, _objects(new)
    components = [*_components(old, new, before, after)]
    components.sort(key=lambda c: (-c.grade, -c.restarts, c.name))
    return Comparison(
        new.stack,
        tuple(components),
        total(list(before.values())),
        total(list(after.values())),
        old.published if old else "",
        reencrypted=bool(old and old.salt and new.salt and old.salt != new.salt),
    )


_Id = tuple[str, str]


def _objects(baseline: Baseline) -> dict[_Id, Manifest]:
    return {_id(item): item for component in baseline.components for item in component.objects}


def _id(item: Manifest) -> _Id:
    return item["kind"], item["metadata"]["name"]


def _components(
    old: Baseline | None, new: Baseline, before: dict[_Id, Manifest], after: dict[_Id, Manifest]
) -> Iterator[ComponentChange]:
    first, second = scalers(list(before.values())), scalers(list(after.values()))
    known = {c.name: c for c in old.components} if old else {}
    described = {c.name for c in new.components}
    for component in new.components:
        changes = [change for item in component.objects if (change := _change(before, item, first, second))]
        gone = known[component.name].objects if component.name in known else []
        changes += [removed(item, first) for item in gone if _id(item) not in after]
        if changes:
            action: Happens = "changed" if component.name in known else "added"
            yield ComponentChange(component.name, component.kind, action, _worst_first(changes))
    for name, component in known.items():
        changes = [removed(item, first) for item in component.objects if _id(item) not in after]
        if name not in described and changes:
            yield ComponentChange(name, component.kind, "removed", _worst_first(changes))


def _change(
    before: dict[_Id, Manifest], item: Manifest, first: Scalers, second: Scalers
) -> ObjectChange | None:
    was = before.get(_id(item))
    return changed(was, item, first, second) if was is not None else added(item, second)


def _worst_first(changes: list[ObjectChange]) -> tuple[ObjectChange, ...]:
    return tuple(sorted(changes, key=lambda c: (-c.grade, -c.restarts, c.kind, c.name)))
