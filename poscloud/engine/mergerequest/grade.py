"""How bad a change of one object is for what runs.

What Kubernetes does not change in place is the provider's table, and so is what nobody loses unasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from poscloud.engine.mergerequest.aligned import Difference, differences, told
from poscloud.engine.mergerequest.changes import Grade, ObjectChange
from poscloud.engine.mergerequest.markdown import code
from poscloud.engine.mergerequest.totals import Scalers, pods
from poscloud.provider.diff import covers, get
from poscloud.provider.kinds import GUARDED, LOST, REPLACE, replace_paths
from poscloud.render import Manifest
from poscloud.render.names import SECRET_SOURCE_ANNOTATION
from poscloud.render.secrets import ROLLING
from poscloud.spec.values import parse_quantity

MUTABLE = frozenset({"ConfigMap", "Secret"})
"""Kinds whose data poscloud has the provider change in place (``engine.program``)."""
RUNNING = ROLLING | {"Job", "Pod"}
"""Kinds that have pods all the time they are there."""

_SOURCES = frozenset(rule.removeprefix("spec.") for rule in REPLACE["PersistentVolume"]) | {
    "persistentVolumeClaim"
}
_POD_VOLUMES = ("spec", "template", "spec", "volumes")
_CLAIM_SIZE = ("spec", "resources", "requests", "storage")


def added(item: Manifest, autoscaled: Scalers) -> ObjectChange:
    """Return the change that a new object is."""
    starts = pods(item, autoscaled)
    reason = f"new: {verb(starts, 'start')}" if starts else "new"
    return ObjectChange(_kind(item), _name(item), "added", Grade.CONFIG, (reason,), starts=starts)


def removed(item: Manifest, autoscaled: Scalers) -> ObjectChange:
    """Return the change that the end of an object is."""
    kind, stops = _kind(item), pods(item, autoscaled)
    stopped = f": {verb(stops, 'stop')}" if stops else ""
    gone = ObjectChange(kind, _name(item), "removed", Grade.CONFIG, (f"removed{stopped}",), stops=stops)
    if kind in GUARDED:
        return replace(gone, grade=Grade.DATA_LOSS, reasons=(*gone.reasons, f"loses {GUARDED[kind]}"))
    return replace(gone, grade=Grade.RESTART) if kind in RUNNING else gone


def changed(old: Manifest, new: Manifest, before: Scalers, after: Scalers) -> ObjectChange | None:
    """Return the change of an object that stays; ``None`` when it is the same."""
    found = list(differences(old, new))
    if not found:
        return None
    kind, name = _kind(new), _name(new)
    first, second = pods(old, before), pods(new, after)
    table = replace_paths(new, MUTABLE)
    replaces = [d for d in found if any(covers(rule, d.keys) for rule in table)]
    rolls = kind in ROLLING and any(d.keys[:2] == ("spec", "template") for d in found)
    reasons = [*_lost(old, new, found, replaces), *_moved(kind, found)]
    grade = Grade.DATA_LOSS if reasons else Grade.NONE
    kept = min(first, second) if rolls or (replaces and kind in RUNNING) else 0
    if replaces and kind not in GUARDED:
        reasons.append(f"replaced, because {_fields(replaces)} cannot change in place: {_cost(kind)}")
    elif kept or rolls:
        reasons.append(verb(kept, "restart") if kind != "DaemonSet" else "pods restart on every node")
    if first != second:
        gone = first > second
        more = (
            f", {count(first - second, 'pod')} removed" if gone else f", {count(second - first, 'pod')} added"
        )
        reasons.append(f"replicas {first} → {second}{more}")
    if rolls or (replaces and kind in RUNNING):
        grade = max(grade, Grade.RESTART)
    elif replaces or not all(_is_label(d) for d in found):
        grade = max(grade, Grade.CONFIG)
    return ObjectChange(
        kind, name, "replaced" if replaces else "changed", grade, tuple(reasons),
        told(found), kept, max(first - second, 0), max(second - first, 0),
    )  # fmt: skip


def count(number: int, word: str) -> str:
    """Return ``1 pod``, ``2 pods``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def verb(number: int, word: str) -> str:
    """Return ``1 pod restarts``, ``2 pods restart``."""
    return f"{count(number, 'pod')} {word}{'s' if number == 1 else ''}"


def _lost(
    old: Manifest, new: Manifest, found: Sequence[Difference], replaces: Sequence[Difference]
) -> list[str]:
    """Return why the data in an object itself is lost."""
    kind = _kind(new)
    reasons = []
    if kind in GUARDED and replaces:
        reasons.append(f"replaced, because {_fields(replaces)} cannot change in place: loses {GUARDED[kind]}")
    reasons += [
        f"storage shrinks: {code(str(d.old))} → {code(str(d.new))}"
        for d in found
        if d.keys[-4:] == _CLAIM_SIZE
        and d.keys in (_CLAIM_SIZE, ("spec", "volumeClaimTemplates", *_CLAIM_SIZE))
        if kind in ("PersistentVolumeClaim", "StatefulSet") and _is_less(d.new, d.old)
    ]
    return reasons


def _is_less(new: object, old: object) -> bool:
    try:
        return parse_quantity(str(new)) < parse_quantity(str(old))
    except ValueError:
        return False


def _moved(kind: str, found: Sequence[Difference]) -> list[str]:
    """Return which volumes of a StatefulSet's pods were elsewhere before: what is there now is not their data."""
    moved = [
        str(getattr(d.path[4], "name", d.path[4]))
        for d in found
        if kind == "StatefulSet" and d.keys[:4] == _POD_VOLUMES and d.old is not None
        if len(d.keys) > 4 and d.keys[4] in _SOURCES
    ]
    return [f"storage moved: volume {code(name)} is elsewhere or gone" for name in dict.fromkeys(moved)]


def _fields(replaces: Sequence[Difference]) -> str:
    """Return the fields that replace an object, shortened to what stands in ``spec``."""
    names = dict.fromkeys(".".join(d.keys[:2]) for d in replaces)
    return ", ".join(map(code, names))


def _cost(kind: str) -> str:
    return LOST.get(kind, "it is gone for a moment")


def _is_label(difference: Difference) -> bool:
    """Whether a difference is one of labels and annotations only; those that poscloud fills a Secret by are more."""
    keys = difference.keys
    return keys[:2] in (("metadata", "labels"), ("metadata", "annotations")) and keys[2:] != (
        SECRET_SOURCE_ANNOTATION,
    )


def _kind(item: Manifest) -> str:
    return str(item["kind"])


def _name(item: Manifest) -> str:
    return str(get(item, "metadata", "name", default=""))
