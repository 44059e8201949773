"""What differs, as it is shown and counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from poscloud.engine.drift.described import Described
from poscloud.engine.drift.keyed import Steps, text, unkeyed
from poscloud.engine.drift.writers import Writer
from poscloud.engine.manual.entry import Entry

Object = dict[str, Any]
State = Literal["same", "changed", "missing", "deleting", "anew"]


@dataclass(frozen=True)
class Difference:
    """One field in which a live object differs from the stack's.

    Attributes:
        steps: The field.
        kind: ``changed``; ``removed``, where the stack sets it; ``added``, where the stack never did.
        stack: The stack's value, without what is secret in it; ``None`` when it has none.
        live: The live value, likewise; ``None`` when it has none.
        hidden: Whether the values are secret as a whole.
        by: Who wrote it; of a field that was removed, who wrote to the object last. ``None`` when nobody is kept.
        recorded: What the ledger says about it; ``None``: nothing.
    """

    steps: Steps
    kind: Literal["changed", "removed", "added"]
    stack: Any = None
    live: Any = None
    hidden: bool = False
    by: Writer | None = None
    recorded: Entry | None = None

    @property
    def field(self) -> str:
        """The field, as a person writes it."""
        return text(self.steps)


@dataclass(frozen=True)
class Compared:
    """One object of the stack beside the live one.

    Attributes:
        described: The stack's.
        live: The live object; empty when there is none.
        state: ``missing``; ``deleting``; ``anew``, another object of that name; ``changed``; ``same``.
        differences: Every field that differs.
    """

    described: Described
    live: Object
    state: State
    differences: list[Difference] = field(default_factory=list)

    @property
    def unrecorded(self) -> list[Difference]:
        """Those of which the ledger says nothing."""
        return [difference for difference in self.differences if difference.recorded is None]

    @property
    def is_drift(self) -> bool:
        """Whether somebody did something with it that nobody recorded."""
        return self.state in ("missing", "deleting", "anew") or bool(self.unrecorded)

    def beside(self, ledger: list[Entry]) -> Compared:
        """Return the same with what the ledger says about each difference."""
        name = self.described.kind, self.described.name
        mine = [entry for entry in ledger if (entry.kind, entry.name) == name]
        found = [replace(d, recorded=_fitting(d, mine)) for d in self.differences]
        return replace(self, differences=found)


def _fitting(difference: Difference, ledger: list[Entry]) -> Entry | None:
    """Return the entry that tells of this very value: what was changed again since is recorded nowhere."""
    told = (difference.steps, unkeyed(difference.live))
    return next((e for e in ledger if any((c.path, c.after) == told for c in e.changes)), None)
