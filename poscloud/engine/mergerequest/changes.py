"""What a branch changes, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Literal

Happens = Literal["added", "changed", "removed"]


class Grade(IntEnum):
    """How bad a change is for what runs; the highest counts."""

    NONE = 0
    """Labels and annotations only."""
    CONFIG = 1
    """Something changes, or comes or goes, and no running pod is stopped for it, unless its number goes down."""
    RESTART = 2
    """Pods are stopped: to start anew, or because what they run is gone."""
    DATA_LOSS = 3
    """Data is lost, or may be."""

    @property
    def word(self) -> str:
        """The grade as people write it."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class FieldChange:
    """One field that changes.

    Attributes:
        path: Its place in the object.
        kind: What happens to it.
        old: The value before; ``None`` when there was none, or nobody may know it.
        new: The value after; likewise.
    """

    path: str
    kind: Happens
    old: str | None
    new: str | None


@dataclass(frozen=True)
class ObjectChange:
    """One object that changes.

    Attributes:
        kind: Its kind in Kubernetes.
        name: Its name.
        action: What happens to it.
        grade: How bad that is.
        reasons: Why, in words; none where the grade is none.
        fields: What changes in it; empty for an object that comes or goes.
        restarts: Pods that are stopped and started anew.
        stops: Pods that are stopped for good.
        starts: Pods that come in addition.
    """

    kind: str
    name: str
    action: Literal["added", "changed", "replaced", "removed"]
    grade: Grade
    reasons: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    restarts: int = 0
    stops: int = 0
    starts: int = 0

    @property
    def id(self) -> str:
        """Kind and name, by which it is acknowledged."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class ComponentChange:
    """One component that changes.

    Attributes:
        name: The service's or backing service's name.
        kind: Kind in the language.
        action: Whether all of it comes or goes.
        objects: Its objects that change, the worst first.
    """

    name: str
    kind: str
    action: Happens
    objects: tuple[ObjectChange, ...]

    @property
    def grade(self) -> Grade:
        """The worst of its objects'."""
        return max((item.grade for item in self.objects), default=Grade.NONE)

    @property
    def restarts(self) -> int:
        """Pods that are stopped and started anew."""
        return sum(item.restarts for item in self.objects)


@dataclass(frozen=True)
class Amounts:
    """What an environment takes, over all its pods, as a quota counts it.

    Attributes:
        pods: How many there are.
        cpu_requests: Cores.
        cpu_limits: Cores.
        memory_requests: Bytes.
        memory_limits: Bytes.
        storage: Bytes of volume claims.
    """

    pods: Decimal = Decimal()
    cpu_requests: Decimal = Decimal()
    cpu_limits: Decimal = Decimal()
    memory_requests: Decimal = Decimal()
    memory_limits: Decimal = Decimal()
    storage: Decimal = Decimal()


@dataclass(frozen=True)
class Comparison:
    """What a branch changes of an environment.

    Attributes:
        stack: The environment.
        components: Those that change, the worst first.
        before: What the baseline takes.
        after: What the branch takes.
        published: When the baseline was published (UTC, ISO 8601); empty without one: then everything is new.
        reencrypted: Whether all secrets are encrypted anew, so that nobody can tell which of them changed.
    """

    stack: str
    components: tuple[ComponentChange, ...]
    before: Amounts = field(default=Amounts())
    after: Amounts = field(default=Amounts())
    published: str = ""
    reencrypted: bool = False

    @property
    def objects(self) -> list[ObjectChange]:
        """Every object that changes."""
        return [item for component in self.components for item in component.objects]

    @property
    def grade(self) -> Grade:
        """The worst of all."""
        return max((component.grade for component in self.components), default=Grade.NONE)

    @property
    def restarts(self) -> int:
        """Pods that are stopped and started anew."""
        return sum(item.restarts for item in self.objects)

    @property
    def lossy(self) -> list[ObjectChange]:
        """What has to be acknowledged."""
        return [item for item in self.objects if item.grade is Grade.DATA_LOSS]
