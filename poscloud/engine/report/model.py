"""What a report tells, before it is written as a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from poscloud.cluster.watching.graph import model as graph
from poscloud.errors import Problem

Amounts = dict[str, Decimal]
"""``cpu`` in cores, ``memory`` in bytes, ``pods``."""

RESOURCES = ("cpu", "memory", "pods")
"""What is counted of a node, in the order it is shown."""


@dataclass(frozen=True)
class Object:
    """One manifest.

    Attributes:
        kind: Its kind.
        name: Its name.
        text: It as YAML, without secrets.
    """

    kind: str
    name: str
    text: str


@dataclass(frozen=True)
class Pod:
    """One live pod.

    Attributes:
        name: Its name.
        node: Where it is; empty where it has no place yet.
        state: ``ready``, or what it is instead.
        restarts: How often its containers were started again.
    """

    name: str
    node: str
    state: str
    restarts: int


@dataclass(frozen=True)
class State:
    """How a component is in the cluster.

    Attributes:
        word: In one word or a few: ``ready``, ``CrashLoopBackOff``.
        ready: Pods that are ready.
        wanted: Pods that it is to have.
        restarts: How often its containers were started again.
        version: Of its jar or image.
        age: Seconds since its newest pod was made; ``None`` without a pod.
        waits_for: What it starts after that is not ready.
        addresses: Where it answers from outside of the cluster.
        pods: Its pods.
        cause: Why it is not ready, likely; empty where it is, or nobody looked.
    """

    word: str
    ready: int
    wanted: int
    restarts: int
    version: str
    age: float | None
    waits_for: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    pods: tuple[Pod, ...] = ()
    cause: str = ""


@dataclass
class Component:
    """One service or backing service.

    Attributes:
        name: Its name.
        kind: Its kind in the language.
        after: What it starts after.
        place: ``file:line`` of its description.
        spec: Its description as YAML, with all that it inherits and without defaults and secrets.
        objects: What it is rendered as.
        outputs: What it offers to others.
        pods: How many pods it begins with.
        requests: What they request together.
        state: How it is; ``None`` where no cluster was asked.
        problems: What a check found about it.
    """

    name: str
    kind: str
    after: tuple[str, ...]
    place: str
    spec: str
    objects: list[Object]
    outputs: dict[str, str]
    pods: int
    requests: Amounts
    state: State | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def drawn(self) -> graph.Component:
        """It as the graph has it."""
        if self.state is None:
            return graph.Component(self.name, self.kind, "", "", self.after)
        counted = f"{self.state.ready}/{self.state.wanted} {self.state.version}".strip()
        detail = counted if self.state.word != "not made" else ""
        return graph.Component(self.name, self.kind, self.state.word, detail, self.after)


@dataclass(frozen=True)
class NodeRoom:
    """What one node can give, and what is asked of it.

    Attributes:
        name: The node.
        cordoned: Whether it takes no pods.
        allocatable: What it can give.
        own: What pods of this environment request.
        others: What all other pods request.
    """

    name: str
    cordoned: bool
    allocatable: Amounts
    own: Amounts
    others: Amounts


@dataclass(frozen=True)
class Change:
    """Something that changed.

    Attributes:
        at: When.
        component: Of which component; empty for none.
        what: What happened.
        who: Who did it, or what it is about.
        warning: Whether it is a bad sign.
    """

    at: datetime
    component: str
    what: str
    who: str
    warning: bool = False


@dataclass
class Report:
    """An environment, as a page tells it.

    Attributes:
        name: The environment.
        made: When this was found out.
        components: Its components in start order.
        environment: The objects that belong to no component: the namespace and what is around it.
        quota: What the namespace may request at most, as far as that is limited.
        problems: What a check found about no component in particular.
        cluster: The cluster that was asked; empty where none was.
        nodes: Its nodes; none where none was asked, or they may not be listed.
        versions: Versions that services were given, the newest first.
        by_hand: Changes by hand that are on record, the newest first.
        events: What the cluster told, the newest first.
        asleep_since: Since when the environment sleeps; empty while it does not.
        notes: What could not be looked at, and why.
        unread: Lists of changes that could not be read, or were not yet; empty ones are not known then.
    """

    name: str
    made: datetime
    components: list[Component]
    environment: list[Object]
    quota: Amounts
    problems: list[Problem] = field(default_factory=list)
    cluster: str = ""
    nodes: list[NodeRoom] = field(default_factory=list)
    versions: list[Change] = field(default_factory=list)
    by_hand: list[Change] = field(default_factory=list)
    events: list[Change] = field(default_factory=list)
    asleep_since: str = ""
    notes: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=lambda: {"versions", "by_hand", "events"})

    @property
    def planned(self) -> Amounts:
        """What all components request together."""
        return total([component.requests for component in self.components])

    @property
    def all_problems(self) -> list[tuple[str, Problem]]:
        """Everything that a check found, each with its component, sorted by place."""
        found = [("", problem) for problem in self.problems]
        found += [
            (component.name, problem) for component in self.components for problem in component.problems
        ]
        return sorted(found, key=lambda pair: (str(pair[1].file or ""), pair[1].line, pair[1].column))


def total(amounts: list[Amounts]) -> Amounts:
    """Return the sum of amounts."""
    return {name: sum((each.get(name, Decimal()) for each in amounts), Decimal()) for name in RESOURCES}


def as_amounts(found: dict[str, Any]) -> Amounts:
    """Return of some amounts those that are shown."""
    return {name: Decimal(found.get(name, 0)) for name in RESOURCES}
