"""One look at all nodes: what is overloaded is told, and relieved where that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from poscloud.cluster.nodeguard.history import History, Restarted, read, write
from poscloud.cluster.nodeguard.plan import Alert, plan
from poscloud.cluster.nodeguard.usage import Pod, observe
from poscloud.cluster.nodeguard.webhook import Hook, WebhookError, send
from poscloud.errors import DeployError
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError, refused
from poscloud.spec.nodeguard import GuardSettings
from poscloud.spec.values import mebibytes

PATIENCE = 5.0
"""Seconds for which a restart may be put off by a PodDisruptionBudget."""

PAUSE = 0.5
"""Seconds between two tries of it."""

MORE = 5
"""Pods that are tried beside those that are to be restarted, where some cannot be."""

RESTARTED = "restarted"

UNKNOWN = "perhaps restarted"


@dataclass(frozen=True)
class Event:
    """What was told, and what became of it.

    Attributes:
        alert: What was told.
        outcomes: A line for each pod.
        restarted: Those that were restarted.
        unsure: Those that may have been restarted; they count as well.
    """

    alert: Alert
    outcomes: tuple[str, ...]
    restarted: tuple[Pod, ...] = ()
    unsure: tuple[Pod, ...] = ()

    @property
    def counted(self) -> tuple[Pod, ...]:
        """Those that count as restarted."""
        return (*self.restarted, *self.unsure)

    def __str__(self) -> str:
        return "\n".join([self.alert.text, *(f"  {line}" for line in self.outcomes)])

    def as_data(self) -> dict[str, Any]:
        """Return it as data."""
        return {"about": self.alert.key, "text": self.alert.text, "pods": list(self.outcomes)}


@dataclass
class Outcome:
    """One look.

    Attributes:
        nodes: How many nodes tell what they use.
        dry: Whether nothing was to be restarted.
        events: What was found that was not told lately.
        untold: Why people could not be told.
        unkept: Why it could not be kept what was told, so that it is told again; empty when it could.
    """

    nodes: int
    dry: bool
    events: list[Event] = field(default_factory=list)
    untold: list[WebhookError] = field(default_factory=list)
    unkept: str = ""

    @property
    def restarted(self) -> list[Pod]:
        """The pods that were restarted."""
        return [pod for event in self.events for pod in event.restarted]


async def guard(
    cluster: Cluster, settings: GuardSettings, hooks: Sequence[Hook], now: datetime | None = None
) -> Outcome:
    """Look at all nodes once.

    Args:
        cluster: The cluster; its namespace has the ConfigMap in which is kept what was done.
        settings: When a node is overloaded, and what may be done then.
        hooks: Where people are told.
        now: The time, by default this moment.

    Raises:
        AuthError: A right is missing.
        DeployError: The cluster has no metrics, or another guard works at the same time.
        ApiError: The API server refuses.
    """
    now = now or datetime.now(UTC)
    (nodes, pods), history = await asyncio.gather(observe(cluster), read(cluster))
    planned = plan(nodes, pods, settings, history, now)
    found = Outcome(len(nodes), dry=not settings.restart)
    before = history
    if settings.restart and planned.restarts:
        # Before it is done: who is killed in between has counted too many, never too few.
        history = await write(cluster, _with(before, planned.restarts, now), now, settings.cooldown)
    taken: set[str] = set()
    for alert in planned.alerts:
        event = await _event(cluster, alert, settings, taken)
        if event.counted or history.is_news(alert.key, now, settings.cooldown):
            found.events.append(event)
    found.untold = await _tell(found, hooks)
    counted = [pod for event in found.events for pod in event.counted]
    kept = _with(replace(before, version=history.version), counted, now)
    if not (found.untold and len(found.untold) == len(hooks)):
        kept = replace(kept, told={**kept.told, **{event.alert.key: now for event in found.events}})
    if (found.events or history is not before) and history.version:
        try:
            await write(cluster, kept, now, settings.cooldown)
        except (DeployError, ApiError) as error:
            found.unkept = error.message
    return found


def _with(history: History, pods: Sequence[Pod], now: datetime) -> History:
    """Return a history with restarts of these pods."""
    more = tuple(Restarted(now, pod.node, pod.workload) for pod in pods)
    return replace(history, restarts=(*history.restarts, *more))


async def _event(cluster: Cluster, alert: Alert, settings: GuardSettings, taken: set[str]) -> Event:
    """Restart what an alert says; of a workload in ``taken``, which grows, a pod was restarted at this look."""
    if not alert.count:
        return Event(alert, alert.lines)
    if not settings.restart:
        wanted = alert.candidates[: alert.count]
        return Event(alert, tuple(f"{_named(pod)}: would be restarted" for pod in wanted))
    lines: list[str] = []
    done: list[Pod] = []
    unsure: list[Pod] = []
    for pod in alert.candidates[: alert.count + MORE]:
        if pod.workload in taken:
            lines.append(f"{_named(pod)}: not restarted: another pod of {pod.workload} was")
            continue
        word = await _restart(cluster, pod)
        lines.append(f"{_named(pod)}: {word}")
        if word.startswith((RESTARTED, UNKNOWN)):
            (done if word == RESTARTED else unsure).append(pod)
            taken.add(pod.workload)
        if len(done) + len(unsure) == alert.count:
            break
    return Event(alert, tuple(lines), tuple(done), tuple(unsure))


async def _restart(cluster: Cluster, pod: Pod) -> str:
    """Have one pod made anew, if that is still just this one and its budget allows it; return what became of it."""
    try:
        await _evict(cluster, pod)
    except TimeoutError:
        return f"{UNKNOWN}: there was no answer"
    except ApiError as error:
        if error.status == 429:
            return "not restarted: its PodDisruptionBudget does not allow it now"
        if error.status in (404, 409):  # the answer may have been lost, and this is that to a second request
            return f"{UNKNOWN}: it is gone already"
        return f"{UNKNOWN if error.status >= 500 else 'not restarted'}: {error.message}"
    return RESTARTED


async def _evict(cluster: Cluster, pod: Pod) -> None:
    """Evict one pod; while its budget does not allow it, try for a while.

    Raises:
        TimeoutError: There was no answer; it may be evicted.
        ApiError: The server refuses, or somebody else was first.
    """
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    }
    until = cluster.clock.now() + PATIENCE
    token = refused.set(_at_once)
    try:
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    await cluster.client.request("POST", path, body=body)
                return
            except ApiError as error:
                if error.status != 429 or cluster.clock.now() >= until:
                    raise
            await cluster.clock.sleep(PAUSE)
    finally:
        refused.reset(token)


def _at_once(refusal: ApiError) -> None:
    """Have a refusal by a budget told, so that it is not taken for a request without an answer."""
    if refusal.status == 429:
        raise refusal


def _named(pod: Pod) -> str:
    return f"{pod.id} ({mebibytes(pod.memory or 0)})"


async def _tell(found: Outcome, hooks: Sequence[Hook]) -> list[WebhookError]:
    """Tell people everywhere, and return what went wrong."""
    if not found.events:
        return []
    text = "\n".join(map(str, found.events))
    if found.dry:
        text += "\n(dry run: nothing is restarted)"
    data = {"dry_run": found.dry, "events": [event.as_data() for event in found.events]}

    async def one(hook: Hook) -> WebhookError | None:
        try:
            await asyncio.to_thread(send, hook, text, data)
        except WebhookError as error:
            return error
        return None

    return [error for error in await asyncio.gather(*map(one, hooks)) if error]
