"""The components of an environment, what each needs, and where each stands in a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from poscloud.cluster.watching.status import Status

COLOURS = {"ready": "#2e7d32", "waiting": "#b26a00", "failed": "#c62828", "unknown": "#546e7a"}
"""How each class of state looks."""

_WAITING = ("starting", "waits", "updating", "asleep", "no pods wanted", "not made")


@dataclass(frozen=True)
class Component:
    """One service or backing service.

    Attributes:
        name: Its name.
        kind: What it is.
        state: How it is; empty where nobody asked.
        detail: Pods and version: ``2/2 v1``; empty where nobody asked.
        needs: What it starts after.
    """

    name: str
    kind: str
    state: str
    detail: str
    needs: tuple[str, ...]

    @property
    def mood(self) -> str:
        """The class of its state: a key of ``COLOURS``."""
        if not self.state:
            return "unknown"
        return "ready" if self.state == "ready" else "waiting" if self.state in _WAITING else "failed"


def of_status(status: Status) -> list[Component]:
    """Return the components of an environment as they are in the cluster."""
    names = {row.name for row in status.rows}
    return [
        Component(
            row.name,
            row.kind,
            row.state,
            f"{row.ready}/{row.wanted} {row.version}".strip() if row.state != "not made" else "",
            tuple(each for each in row.after if each in names),
        )
        for row in status.rows
    ]


def of_needs(parts: Mapping[str, tuple[str, Iterable[str]]]) -> list[Component]:
    """Return components that nobody asked a cluster for: by name their kind, and what each needs."""
    return [
        Component(name, kind, "", "", tuple(sorted(each for each in needs if each in parts)))
        for name, (kind, needs) in sorted(parts.items())
    ]


def columns(components: Sequence[Component]) -> list[list[Component]]:
    """Return components in columns, so that each is right of all that it needs, and near to them.

    In a circle, which no description has, each component is as far left as can be.
    """
    by_name = {each.name: each for each in components}
    depth: dict[str, int] = {}

    def find(name: str, above: frozenset[str]) -> int:
        if name not in depth:
            needs = [each for each in by_name[name].needs if each not in above and each in by_name]
            depth[name] = 1 + max((find(each, above | {name}) for each in needs), default=-1)
        return depth[name]

    for name in sorted(by_name):
        find(name, frozenset({name}))
    found: list[list[Component]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    row: dict[str, float] = {}
    for number, column in enumerate(found):
        column += [each for each in components if depth[each.name] == number]
        column.sort(key=lambda each: (_middle(each, row), each.name))
        row |= {each.name: position / max(len(column), 1) for position, each in enumerate(column)}
    return found


def _middle(component: Component, row: Mapping[str, float]) -> float:
    """Return how far down those stand that a component needs, from 0 to 1."""
    places = [row[each] for each in component.needs if each in row]
    return sum(places) / len(places) if places else 0.0
