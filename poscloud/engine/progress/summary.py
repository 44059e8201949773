"""What a run has come to, and where its time went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from poscloud.engine.progress.run import Component, Run
from poscloud.local.progress import seconds

SLOWEST = 5
"""Components that are named."""

WORTH = 1.0
"""Seconds that one has to have taken to be named."""


def critical_path(run: Run) -> list[Component]:
    """Return the components that the end of a run waited for, each for the one before it."""
    ready = [c for c in run.components.values() if c.ended is not None]
    path: list[Component] = []
    last = max(ready, key=_ended, default=None)
    while last is not None and last not in path:
        path.append(last)
        before = [run.components[name] for name in last.after if name in run.components]
        waited = [c for c in before if c.ended is not None and c.ended >= (last.began or 0.0)]
        last = max(waited, key=_ended, default=None)
    return path[::-1]


def _ended(component: Component) -> float:
    return component.ended or 0.0


def lines(run: Run, took: float) -> Iterator[str]:
    """Yield the summary of a run.

    Args:
        run: The run, at its end.
        took: Its seconds.
    """
    states = Counter(run.states().values())
    parts = [
        f"{states[state]} {state}"
        for state in ("ready", "failed", "creating", "waiting", "skipped")
        if states[state]
    ]
    changes = ", ".join(f"{count} {_WORDS.get(op, op)}" for op, count in run.counts.items())
    yield f"{run.name.name}: {', '.join(parts) or 'no components'} after {seconds(took)}" + (
        f"; resources: {changes}" if changes else ""
    )
    for component in run.components.values():
        state = run.state(component)
        if state == "failed":
            yield f"  {component.name} failed: {component.failed}"
        elif state == "skipped":
            waits = run.waits_for(component)
            yield f"  {component.name} was not made" + (
                f": it starts after {', '.join(waits)}" if waits else ""
            )
    yield from _times(run)


_WORDS = {
    "create": "created", "update": "updated", "delete": "deleted", "same": "unchanged", "replace": "replaced",
    "read": "read", "refresh": "refreshed", "create-replacement": "created anew", "delete-replaced": "deleted",
}  # fmt: skip


def _times(run: Run) -> Iterator[str]:
    slow = sorted(run.components.values(), key=lambda c: c.own_seconds, reverse=True)
    slow = [c for c in slow[:SLOWEST] if c.own_seconds >= WORTH and c.changed]
    if not slow:
        return
    yield f"  slowest: {', '.join(f'{c.name} {seconds(c.own_seconds)}' for c in slow)}"
    path = critical_path(run)
    if len(path) > 1:
        shown = path if len(path) <= SLOWEST + 2 else [*path[:2], *path[-SLOWEST:]]
        words = " → ".join(f"{c.name} {seconds(c.own_seconds)}" for c in shown)
        yield f"  the end waited for: {words}, ready after {seconds(_ended(path[-1]))}"
