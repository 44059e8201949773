"""The components of an environment while the engine works on them: who waits for whom, who is ready, who failed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from poscloud.engine.progress.events import Event
from poscloud.engine.progress.picture import Row, Shade, some
from poscloud.local.progress import seconds
from poscloud.render import RenderedPart

State = Literal["waiting", "creating", "ready", "failed", "skipped"]

_SHADES: dict[State, Shade] = {
    "waiting": "waits", "creating": "works", "ready": "done", "failed": "failed", "skipped": "left",
}  # fmt: skip


@dataclass
class Component:
    """One component.

    Attributes:
        name: Its name.
        after: What it starts after.
        expected: How many objects it has.
        began: Seconds after the run's start when the first of its objects was begun; ``None`` before.
        free: … when all that it starts after was ready; ``None`` before.
        ended: … when it was ready, or had failed; ``None`` before.
        failed: What of it failed; empty where nothing did.
        why: Why, in the engine's words.
        changed: Whether anything of it was changed.
        doing: Objects under way → what was told of each.
        done: Objects that are there.
    """

    name: str
    after: tuple[str, ...]
    expected: int
    began: float | None = None
    free: float | None = None
    ended: float | None = None
    failed: str = ""
    why: str = ""
    changed: bool = False
    doing: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    @property
    def own_seconds(self) -> float:
        """How long it took itself, from when it need not wait for others any more."""
        if self.ended is None:
            return 0.0
        return max(self.ended - max(self.began or 0.0, self.free or 0.0), 0.0)


class Run:
    """A run of the engine.

    Args:
        parts: The environment, rendered, the namespace first.

    Attributes:
        lock: Held while a step is taken in, and to be held while a picture is made of all.
        counts: At the end: what was done → to how many resources.
        over: Whether it has ended.
        stopping: Whether it was asked to end.
    """

    def __init__(self, parts: Iterable[RenderedPart]) -> None:
        self.name, *rest = parts
        self.components = {
            part.name: Component(part.name, tuple(sorted(part.after)), len(part.manifests)) for part in rest
        }
        self.lock = threading.RLock()
        self.counts: dict[str, int] = {}
        self.over = self.stopping = False
        self._before: dict[str, list[Component]] = {name: [] for name in self.components}
        for component in self.components.values():
            for name in component.after:
                self._before.get(name, []).append(component)
        self._owners = {
            f"{item['kind']} {item['metadata']['name']}": part.name
            for part in rest
            for item in part.manifests
        }

    def stop(self) -> None:
        """It was asked to end: what is under way is finished."""
        self.stopping = True

    def take(self, event: Event, now: float) -> list[str]:
        """Take a step of the engine in; return the components whose state it changed.

        Args:
            event: The step.
            now: Seconds after the run's start.
        """
        if event.what == "end":
            self.counts, self.over = dict(event.counts), True
            return []
        component = self.components.get(event.component or self._owners.get(event.object, ""))
        with self.lock:
            if component is None:
                if event.what == "error":
                    self._error(None, event, now)
                return []
            affected = [component, *self._before[component.name]]
            before = [self.state(each) for each in affected]
            changed = component.changed
            if event.object or event.what == "error":
                self._enter(component, event, now)
            found = [
                each.name for each, state in zip(affected, before, strict=True) if self.state(each) != state
            ]
            return [component.name] if component.changed != changed and not found else found

    def _enter(self, component: Component, event: Event, now: float) -> None:
        if event.what == "begin":
            component.began = now if component.began is None else component.began
            component.doing[event.object] = ""
            component.changed = component.changed or event.changes
        elif event.what == "told":
            component.doing[event.object] = event.text
        elif event.what == "done":
            component.doing.pop(event.object, None)
            component.done.add(event.object)
            if len(component.done) >= component.expected and not component.failed:
                component.ended = now
                self._free(component, now)
        elif event.what == "failed":
            component.doing.pop(event.object, None)
            component.failed = component.failed or event.object
            component.ended = now
        else:
            self._error(component, event, now)

    def _error(self, component: Component | None, event: Event, now: float) -> None:
        if component is not None:
            component.failed = component.failed or event.object or component.name
            component.why = component.why or event.text
            component.ended = now if component.ended is None else component.ended

    def _free(self, ready: Component, now: float) -> None:
        """Note of each component that starts after one when the last such was ready."""
        for component in self._before[ready.name]:
            if component.free is None and not self.waits_for(component):
                component.free = now

    def waits_for(self, component: Component) -> list[str]:
        """Return what a component starts after that is not ready."""
        return [name for name in component.after if self._is_not_ready(name)]

    def _is_not_ready(self, name: str) -> bool:
        other = self.components.get(name)
        return other is not None and (other.ended is None or bool(other.failed))

    def state(self, component: Component) -> State:
        """Return how a component is; what waits for one that failed is skipped once the run is over."""
        if component.failed:
            return "failed"
        if component.ended is not None:
            return "ready"
        if self.over:
            return "skipped"
        return "waiting" if self.waits_for(component) or component.began is None else "creating"

    def states(self) -> Mapping[str, State]:
        """Return how all components are."""
        return {name: self.state(component) for name, component in self.components.items()}

    def told(self, component: Component, *, timed: bool = True) -> str:
        """Return how a component is, in words; why it failed, the engine says.

        Args:
            component: The component.
            timed: Whether to say how long it took.
        """
        state = self.state(component)
        if state == "failed":
            return f"failed: {component.failed}"
        if state == "ready" and component.changed:
            return f"ready, {seconds(component.own_seconds)}" if timed else "ready"
        if state == "ready":
            return "ready, unchanged"
        waits = self.waits_for(component)
        if state == "skipped":
            return f"not made; it starts after {some(waits)}" if waits else "not made"
        if failed := [name for name in waits if name in self.components and self.components[name].failed]:
            return f"cannot begin: {some(failed)} failed"
        if state == "waiting":
            return f"waits for {some(waits)}" if waits else "waits for its turn"
        doing = [f"{obj}{f': {text}' if text else ''}" for obj, text in component.doing.items()]
        return f"creating {doing[-1]}" if doing else "creating"

    def heading(self) -> str:
        """Return the environment, and how many of its components are ready."""
        states = self.states()
        ready = sum(state == "ready" for state in states.values())
        return f"{self.name.name}  {ready} of {len(states)} ready"

    def rows(self) -> list[Row]:
        """Return all components, in the order they start in."""
        return [self._row(component, self.state(component)) for component in self.components.values()]

    def _row(self, component: Component, state: State) -> Row:
        text = self.told(component, timed=False)
        if state == "failed" and component.why:
            text += f": {component.why}"
        since = (component.free or component.began or 0.0) if state == "creating" else 0.0
        return Row(
            component.name,
            _SHADES[state],
            text,
            since if state in ("creating", "waiting") else None,
            component.own_seconds if state in ("ready", "failed") and component.changed else None,
        )

    def line(self, name: str) -> str:
        """Return what a plain line says of a component; who waits says so if it waits for something that changes."""
        component = self.components[name]
        quiet = not component.changed and self.state(component) in ("waiting", "creating", "ready")
        return "" if quiet else self.told(component)

    def summary(self, took: float) -> Iterator[str]:
        """Yield what the run has come to and where its time went; nothing where it reached no component."""
        from poscloud.engine.progress import summary

        if any(component.began is not None for component in self.components.values()):
            yield from summary.lines(self, took)
        if self.stopping:
            yield f"  stopped after {seconds(took)}; to go on, run it again"
