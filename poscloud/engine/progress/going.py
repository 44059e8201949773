"""The components of an environment while it is removed: whose pods are still ending, and what holds the rest.

The engine deletes the namespace and knows no more than that it is not gone yet; whose pods it waits for, the cluster
is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from poscloud.cluster.watching.services import Service, name_of
from poscloud.engine.progress.events import Event
from poscloud.engine.progress.picture import Row, some
from poscloud.local.progress import seconds
from poscloud.provider.diff import get

Object = dict[str, Any]

SLOWEST = 5
"""Components that are named at the end."""

WORTH = 3.0
"""Seconds that one has to have taken to be named."""

_OWN = frozenset({"kubernetes", "foregroundDeletion"})
"""Finalizers that go by themselves."""


@dataclass
class Leaving:
    """One component that is removed.

    Attributes:
        name: Its name.
        pods: How many pods it had when its removal began, or was first looked at.
        left: Names of the pods that are there now.
        ending: How many of these are being deleted.
        grace: How many seconds the slowest of them may take to end.
        held: Finalizers of its pods, in words.
        began: Seconds after the run's start when the first of its pods was seen ending; ``None`` before.
        ended: … when no pod was there any more; ``None`` before.
    """

    name: str
    pods: int = 0
    left: tuple[str, ...] = ()
    ending: int = 0
    grace: int = 0
    held: str = ""
    began: float | None = None
    ended: float | None = None

    @property
    def took(self) -> float | None:
        """How long its pods took to end; ``None`` while some are there."""
        return None if self.ended is None else self.ended - (self.began or 0.0)


@dataclass
class Seen:
    """What the cluster tells at one moment.

    Attributes:
        namespace: The namespace; ``None``: it is gone.
        pods: The pods in it; ``None``: this user may not list them.
        holds: What keeps the namespace, object by object; ``None``: not asked.
    """

    namespace: Object | None
    pods: list[Object] | None = field(default_factory=list)
    holds: str | None = None


class Going:
    """A run of the engine that removes an environment.

    Args:
        name: The environment.
        services: What there is of it before.

    Attributes:
        lock: Held while a step is taken in, and to be held while a picture is made of all.
        over: Whether it has ended.
        stopping: Whether it was asked to end.
        begun: Seconds after the run's start when the namespace was seen going; ``None`` before.
    """

    def __init__(self, name: str, services: Iterable[Service]) -> None:
        self.name = name
        self.components = {
            each.name: Leaving(each.name, len(each.pods), tuple(_names(each.pods))) for each in services
        }
        self.lock = threading.RLock()
        self.over = self.stopping = False
        self._space = f"namespace {name}"
        self.begun: float | None = None
        self._gone: float | None = None
        self._holds = self._failed = ""
        self._counts: dict[str, int] = {}

    def stop(self) -> None:
        """It was asked to end: what is under way is finished."""
        self.stopping = True

    def take(self, event: Event, now: float) -> list[str]:
        """Take a step of the engine in; return the components whose state it changed.

        Args:
            event: The step.
            now: Seconds after the run's start.
        """
        with self.lock:
            if event.what == "end":
                self._counts = dict(event.counts)
            elif event.object == f"Namespace {self.name}" and event.what == "done" and self._gone is None:
                return self._all_gone(now)
            elif event.what in ("failed", "error") and not self._failed:
                self._failed = event.object or event.component or "the engine"
                return [self._space]
        return []

    def see(self, seen: Seen, now: float) -> list[str]:
        """Take in what the cluster tells; return the components whose state it changed.

        Args:
            seen: What it tells.
            now: Seconds after the run's start.
        """
        with self.lock:
            before = {row.name: (row.shade, row.text) for row in self.rows()}
            if self._gone is not None:
                return []
            if seen.namespace is None:
                return self._all_gone(now) if self.begun is not None else []
            going = "deletionTimestamp" in seen.namespace["metadata"]
            if seen.pods is not None:
                self._enter(seen.pods, now, going=going)
            if going and self.begun is None:
                self.begun = now
            self._holds = self._holds if seen.holds is None else seen.holds
            return [row.name for row in self.rows() if before.get(row.name) != (row.shade, row.text)]

    def _enter(self, pods: list[Object], now: float, *, going: bool) -> None:
        by_name: dict[str, list[Object]] = {}
        for pod in pods:
            if get(pod, "status", "phase") in ("Succeeded", "Failed"):
                continue  # of a Job that has ended
            by_name.setdefault(name_of(pod), []).append(pod)
        for name, component in self.components.items():
            _follow(component, by_name.pop(name, []), now, going=going)
        for name, others in by_name.items():
            # A Job's, or what somebody made there by hand.
            self.components[name] = component = Leaving(name, len(others))
            _follow(component, others, now, going=going)

    def _all_gone(self, now: float) -> list[str]:
        self.begun = now if self.begun is None else self.begun
        self._gone, self._holds = now, ""
        changed = [c.name for c in self.components.values() if c.ended is None]
        for component in self.components.values():
            component.left, component.ending, component.held = (), 0, ""
            if component.ended is None:
                component.began, component.ended = component.began or now, now
        return [*changed, self._space]

    def heading(self) -> str:
        """Return the environment, and how many of its components are gone."""
        gone = sum(c.ended is not None for c in self.components.values())
        return f"{self.name}  {gone} of {len(self.components)} gone"

    def rows(self) -> list[Row]:
        """Return all components, and the namespace last."""
        return [*(_row(component, over=self.over) for component in self.components.values()), self._last()]

    def _last(self) -> Row:
        if self._gone is not None:
            return Row(self._space, "done", "gone", took=self._gone - (self.begun or 0.0))
        if self._failed:
            what = "" if self._failed == f"Namespace {self.name}" else f" ({self._failed})"
            return Row(self._space, "failed", f"not gone{what}{f': {self._holds}' if self._holds else ''}")
        if self.begun is None:
            return Row(self._space, "left" if self.over else "waits", "not deleted" if self.over else "there")
        waits = [c.name for c in self.components.values() if c.ended is None]
        text = self._holds or (f"waits for {some(waits)}" if waits else "what is left in it is deleted")
        return Row(self._space, "left" if self.over else "works", text, since=self.begun)

    def line(self, name: str) -> str:
        """Return what a plain line says of a component."""
        row = next((row for row in self.rows() if row.name == name), None)
        if row is None or row.shade == "waits":
            return ""
        took = f", {seconds(row.took)}" if row.took is not None and row.took >= WORTH else ""
        return f"{row.text}{took}"

    def summary(self, took: float) -> Iterator[str]:
        """Yield what is gone, what is not, and what took longest; nothing where nothing was there."""
        if not self.components and self.begun is None:
            return
        gone = sum(c.ended is not None for c in self.components.values())
        space = "the namespace is gone" if self._gone is not None else "the namespace is there"
        counts = ", ".join(f"{n} {'deleted' if op == 'delete' else op}" for op, n in self._counts.items())
        resources = f"; resources: {counts}" if counts else ""
        yield f"{self.name}: {gone} of {len(self.components)} components gone, {space} after {seconds(took)}{resources}"
        for component in self.components.values():
            if component.ended is None and component.began is not None:
                yield f"  {component.name} {_row(component, over=True).text}"
        slow = sorted(self.components.values(), key=lambda c: c.took or 0.0, reverse=True)
        named = [c for c in slow[:SLOWEST] if (c.took or 0.0) >= WORTH]
        if named:
            yield f"  slowest: {', '.join(map(_slow, named))}"
        if self.stopping:
            yield f"  stopped after {seconds(took)}; to go on, run it again"


def _slow(component: Leaving) -> str:
    grace = f" (grace period {component.grace} s)" if component.grace else ""
    return f"{component.name} {seconds(component.took or 0.0)}{grace}"


def _follow(component: Leaving, pods: list[Object], now: float, *, going: bool) -> None:
    """Take in what pods a component has now."""
    ending = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
    component.left, component.ending = tuple(_names(pods)), len(ending)
    if not going:
        component.pods = max(component.pods, len(pods))
    periods = [int(get(pod, "metadata", "deletionGracePeriodSeconds", default=0)) for pod in ending]
    component.grace = max([component.grace, *periods])
    component.held = _held(ending)
    if (ending or going) and component.began is None:
        component.began = now
    gone = not pods and (going or component.began is not None)
    component.ended = (component.ended or now) if gone else None


def _names(pods: Iterable[Object]) -> list[str]:
    return sorted(str(pod["metadata"]["name"]) for pod in pods)


def _held(ending: list[Object]) -> str:
    """Return the finalizers that pods wait for, in words; empty for none but Kubernetes' own."""
    found = {
        finalizer: str(pod["metadata"]["name"])
        for pod in ending
        for finalizer in pod["metadata"].get("finalizers") or ()
        if finalizer not in _OWN
    }
    return ", ".join(f"finalizer {finalizer} of pod {pod}" for finalizer, pod in sorted(found.items()))


def _row(component: Leaving, *, over: bool) -> Row:
    if component.ended is not None:
        return Row(component.name, "done", "gone", took=component.took if component.pods else None)
    number = len(component.left)
    total = max(component.pods, number)
    pods = f"{number} of {total} pods" if number != total else f"{total} pod{'s' if total != 1 else ''}"
    if component.began is None:
        return Row(component.name, "left" if over else "waits", f"there, {pods}" if total else "there")
    words = f"{pods} to end"
    if component.held:
        words += f", held by {component.held}"
    elif component.grace:
        words += f", grace period {component.grace} s"
    return Row(component.name, "left" if over else "works", words, since=None if over else component.began)
