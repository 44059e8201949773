"""Who wrote what of an object, as ``metadata.managedFields`` says."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from poscloud.engine.drift.keyed import MISSING, Steps, at, entries, owned
from poscloud.provider.cluster import MANAGER
from poscloud.provider.diff import changes
from poscloud.provider.items import Item, step_of

Object = dict[str, Any]

CONTROLLERS = frozenset(
    {
        "kube-controller-manager", "kube-scheduler", "kube-apiserver", "kubelet", "cloud-controller-manager",
        "cluster-autoscaler", "vpa-recommender", "vpa-updater", "kwok",
    }
)  # fmt: skip
"""Field managers of Kubernetes itself: what they add to an object is part of how it works."""

OWN_WORDS = "poscloud.io/"
"""What annotations begin with that poscloud writes beside the stack: activity, sleep, restarts."""

NOTES = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
        "kubectl.kubernetes.io/restartedAt",
    }
)  # fmt: skip
"""Annotations in which a writer keeps notes of what it wrote elsewhere, or of a rollout, which is over."""

MAPS = frozenset({"annotations", "labels", "data", "binaryData"})
"""Maps that are told key by key, also where one writer has added all of them."""


@dataclass(frozen=True)
class Writer:
    """Who wrote a field.

    Attributes:
        manager: The field manager: ``kubectl-edit``.
        operation: ``Update`` or ``Apply``, and the subresource where it was one: ``Update of scale``.
        time: When, in RFC 3339; empty when that is not kept.
    """

    manager: str
    operation: str = ""
    time: str = ""

    def __str__(self) -> str:
        return f"{self.manager}, {self.time}" if self.time else self.manager


def writer(entry: Object) -> Writer:
    """Return who an entry of managedFields is."""
    operation, part = str(entry.get("operation", "")), entry.get("subresource")
    return Writer(
        str(entry.get("manager", "")),
        f"{operation} of {part}" if part else operation,
        str(entry.get("time") or ""),
    )


def is_stacks(entry: Object, manager: str) -> bool:
    """Whether an entry is the stack's: written with its manager, or by an earlier state of it."""
    name = str(entry.get("manager", ""))
    return not entry.get("subresource") and (name == manager or name.startswith(MANAGER))


def strangers(live: Object, manager: str, ignored: Collection[str] = ()) -> list[Object]:
    """Return the entries of those who are neither the stack nor Kubernetes itself.

    Args:
        live: The object.
        manager: The stack's field manager.
        ignored: Further managers that count as Kubernetes' own.
    """
    return [
        entry
        for entry in entries(live)
        if not is_stacks(entry, manager)
        and entry.get("subresource") != "status"
        and entry.get("manager") not in CONTROLLERS
        and entry.get("manager") not in ignored
    ]


def who_wrote(found: list[Object], steps: Steps) -> Writer | None:
    """Return the last one of some entries who has the field at some steps, or holds it with all around it."""
    return last_writer([entry for entry in found if _has(entry.get("fieldsV1") or {}, steps)])


def last_writer(found: list[Object]) -> Writer | None:
    """Return who of some entries wrote last."""
    return writer(max(found, key=lambda e: str(e.get("time") or ""))) if found else None


def _has(fields: Object, steps: Steps) -> bool:
    for step in steps:
        below = next((value for name, value in fields.items() if step_of(name) == step), None)
        if below is None:
            return False
        if not below:
            return True
        fields = below
    return True


def added(entry: Object, live: Object, tree: Any, wanted: Any) -> Iterator[tuple[Steps, Any]]:
    """Yield what one writer has in an object that the stack never set: steps and value.

    Args:
        entry: The writer's, of managedFields.
        live: The object, for what others have in it.
        tree: The live object, keyed.
        wanted: The stack's inputs, keyed.
    """
    others = owned(e for e in entries(live) if e is not entry)
    yield from _added(entry.get("fieldsV1") or {}, others, tree, wanted, ())


def _added(
    fields: Object, others: Object, tree: Any, wanted: Any, path: Steps
) -> Iterator[tuple[Steps, Any]]:
    for name, below in fields.items():
        step = step_of(name)
        here, value = (*path, step), at(tree, (step,))
        if not step or value is MISSING or _is_note(here):
            continue
        stated = at(wanted, (step,))
        alone = name not in others and step not in MAPS
        if stated is MISSING and (not below or alone or not isinstance(value, dict)):
            yield here, value
        elif below and isinstance(value, dict):
            yield from _added(below, others.get(name) or {}, value, stated, here)
        elif isinstance(stated, dict | list):  # kept as a whole, such as a Service's selector
            yield from _beyond(here, stated, value)


def _beyond(path: Steps, stated: Any, value: Any) -> Iterator[tuple[Steps, Any]]:
    for change in changes({"": stated}, {"": value}):
        if change.kind == "add":
            yield (*path, *(Item(f"[{s}]") if isinstance(s, int) else s for s in change.path[1:])), change.new


def _is_note(steps: Steps) -> bool:
    """Whether it is the status, or an annotation that says nothing about what runs."""
    if steps[0] == "status":
        return True
    key = steps[-1] if len(steps) > 1 and steps[-2] == "annotations" else ""
    return key.startswith(OWN_WORDS) or key in NOTES
