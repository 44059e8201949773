"""Waiting for one object: a watch on it, and a look at its pods only when it takes long."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, suppress
from typing import Any

from poscloud.errors import WaitTimeoutError
from poscloud.provider import diagnosis
from poscloud.provider.cluster import Cluster, label
from poscloud.provider.diff import get
from poscloud.provider.follow import Events, Follower
from poscloud.provider.kinds import TIMEOUT_SECONDS
from poscloud.provider.rest import StoppedError, progress
from poscloud.provider.shape import understanding
from poscloud.provider.trouble import Related
from poscloud.provider.waits import (
    DEFAULT_GRACE,
    DEFAULT_TIMEOUT,
    TIMEOUTS,
    Judge,
    Verdict,
    is_awaited,
    readiness,
)

Object = dict[str, Any]

# Most objects are ready before their pods are worth a look.
DIAGNOSE_AFTER = 3.0
DIAGNOSE_EVERY = 5.0
TICK = 2.0
SLICES_EVERY = 0.5
SHOWN_LINES = 3
"""How many of a container's last lines are shown while it is waited for; all of them are when it has failed."""
SILENCE = 30.0
"""Seconds without a word from a watch after which the object is asked for: a connection can be dead unnoticed."""


class NotReadyError(WaitTimeoutError):
    """The object exists and is not ready.

    Attributes:
        live: What is there.
    """

    def __init__(self, message: str, live: Object) -> None:
        super().__init__(message)
        self.live = live


def timeout_of(obj: Object, requested: float = 0) -> float:
    """Seconds to wait: the program's custom timeout, the annotation, or the kind's default."""
    text = get(obj, "metadata", "annotations", TIMEOUT_SECONDS, default="")
    with suppress(ValueError, TypeError):
        annotated = float(text)
        return requested or annotated
    return requested or TIMEOUTS.get(str(obj.get("kind")), DEFAULT_TIMEOUT)


def _grace() -> float:
    return _seconds("POSCLOUD_FAILURE_GRACE_SECONDS") or DEFAULT_GRACE


def _delete_limit() -> float:
    """Seconds that a delete may take, where the user says so; else 0."""
    return _seconds("POSCLOUD_DELETE_TIMEOUT_SECONDS")


def _seconds(variable: str) -> float:
    try:
        return float(os.environ.get(variable, ""))
    except ValueError:
        return 0


class Awaiter:
    """Waits until objects are ready, or gone."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._clock = cluster, cluster.clock
        self._follower = Follower(cluster)

    async def ready(self, live: Object, requested: float = 0) -> Object:
        """Wait until the object is ready and return it as it then is.

        Raises:
            NotReadyError: It failed, took too long, disappeared, or the engine asked to stop.
        """
        if not is_awaited(live):
            return live
        with understanding(label(live)):
            return await self._ready(live, requested)

    async def _ready(self, live: Object, requested: float) -> Object:
        started = self._clock.now()
        judge = Judge(started, timeout_of(live, requested), _grace())
        written = _written(live)
        facts = {**await self._facts(live), "written": written}
        related, looked = Related(facts=facts), started
        if readiness(live, related).state == "ready":
            return live
        tick = SLICES_EVERY if live["kind"] == "Service" else TICK
        current, heard, said = live, started, LastLines(self._cluster, live)
        async with AsyncExitStack() as stack:
            events: Events | None = None
            while True:
                now = self._clock.now()
                if now - heard >= SILENCE:
                    current, heard = _there(await self._cluster.get(live), current), now
                if live["kind"] == "Service":
                    related = Related(slices=await self._slices(current))
                elif now - started >= DIAGNOSE_AFTER and now - looked >= min(DIAGNOSE_EVERY, DIAGNOSE_AFTER):
                    related, looked = await diagnosis.related(self._cluster, current, facts, written), now
                verdict = judge.step(now, current, related)
                if verdict.state == "ready":
                    progress.get()("ready")  # else the last word shown is what was waited for
                    return current
                if verdict.state == "failed":
                    raise NotReadyError(verdict.message + await self._last_words(current, verdict), current)
                progress.get()(verdict.message + await said.after(verdict))
                if events is None:
                    events = await stack.enter_async_context(self._follower.follow(live))
                before, current = current, await _change(events, tick, current, verdict.message)
                heard = heard if current is before else now

    async def unready(self, live: Object) -> str:
        """Why the object is not ready now; empty when it is, or when nothing has to be waited for."""
        if not is_awaited(live):
            return ""
        slices = await self._slices(live) if live["kind"] == "Service" else []
        verdict = readiness(live, Related(slices=slices, facts=await self._facts(live)))
        return "" if verdict.state == "ready" else verdict.message

    async def gone(self, live: Object, requested: float = 0) -> None:
        """Wait until the object is gone.

        Raises:
            WaitTimeoutError: It is still there; the message names what holds it.
        """
        with understanding(label(live)):
            await self._gone(live, requested)

    async def _gone(self, live: Object, requested: float) -> None:
        limit = _delete_limit() or timeout_of(live, requested)
        deadline = self._clock.now() + limit
        # Some kinds are answered with the object although it is gone already; no event would tell that again.
        current, heard = await self._cluster.get(live), self._clock.now()
        uid = get(live, "metadata", "uid")
        async with self._follower.follow(current or live) as events:
            while current is not None:
                if uid and get(current, "metadata", "uid") != uid:
                    return
                held = _holders(current)
                progress.get()(f"deleting: {held}")
                if self._clock.now() >= deadline:
                    held += (
                        await diagnosis.remaining(self._cluster, current) if _is_namespace(current) else ""
                    )
                    raise WaitTimeoutError(
                        f"{label(live)} is still being deleted after {limit:.0f} s: {held}",
                        hint="what set a finalizer has to clear it, or its owner by hand; then run it again",
                    )
                before, current = current, await _next(events, TICK, current)
                if current is not before:
                    heard = self._clock.now()
                elif self._clock.now() - heard >= SILENCE:
                    current, heard = await self._cluster.get(live), self._clock.now()

    async def _last_words(self, live: Object, verdict: Verdict) -> str:
        if verdict.container is None:
            return ""
        namespace = str(get(live, "metadata", "namespace", default=""))
        return await diagnosis.last_words(self._cluster, namespace, verdict.container)

    async def _facts(self, obj: Object) -> dict[str, str]:
        if obj["kind"] == "Ingress":
            classes = await self._cluster.list("networking.k8s.io/v1", "ingressclasses")
            if not classes:
                progress.get()("not waiting for an address: the cluster has no IngressClass")
            return {"ingress-classes": str(len(classes))}
        if obj["kind"] == "PersistentVolumeClaim":
            wanted = get(obj, "spec", "storageClassName")
            for found in await self._cluster.list("storage.k8s.io/v1", "storageclasses"):
                annotations = get(found, "metadata", "annotations", default={})
                is_default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
                if get(found, "metadata", "name") == wanted or (wanted is None and is_default):
                    return {"binding-mode": str(found.get("volumeBindingMode", ""))}
        return {}

    async def _slices(self, service: Object) -> list[Object]:
        meta = service["metadata"]
        selector = f"kubernetes.io/service-name={meta['name']}"
        return await self._cluster.list(
            "discovery.k8s.io/v1", "endpointslices", meta["namespace"], labelSelector=selector
        )


class LastLines:
    """What containers said last that end again and again while something is waited for; each is asked once.

    Args:
        cluster: Where.
        live: What is waited for.
    """

    def __init__(self, cluster: Cluster, live: Object) -> None:
        self._cluster = cluster
        self._namespace = str(get(live, "metadata", "namespace", default=""))
        self._known: dict[tuple[str, str], str] = {}

    async def after(self, verdict: Verdict) -> str:
        """The end of a line of progress: why the container ended, where it said so; else empty."""
        if verdict.container is None:
            return ""
        if not self._known.get(verdict.container):
            words = await diagnosis.last_words(self._cluster, self._namespace, verdict.container)
            lines = [line.strip() for line in words.splitlines()[2:] if line.strip()]
            self._known[verdict.container] = " | ".join(lines[-SHOWN_LINES:])
        said = self._known[verdict.container]
        return f"; it said: {said}" if said else ""


async def _next(queue: Events, seconds: float, current: Object) -> Object | None:
    """The newest state of the object; the current one when nothing happened."""
    try:
        async with asyncio.timeout(seconds):
            found = await queue.get()
    except TimeoutError:
        return current
    if isinstance(found, Exception):
        raise found
    return found


async def _change(events: Events, seconds: float, current: Object, why: str) -> Object:
    """The newest state of an object that is to become ready."""
    try:
        found = await _next(events, seconds, current)
    except StoppedError as error:
        raise NotReadyError(f"{error.message}; {why}", current) from None
    return _there(found, current)


def _there(found: Object | None, current: Object) -> Object:
    if found is None:
        raise NotReadyError("the object was deleted by someone else while waiting for it", current)
    return found


def _written(live: Object) -> str:
    """When the server stored the last change, by its own clock; events before that tell of another one."""
    return max(
        (str(e.get("time", ""))[:19] for e in get(live, "metadata", "managedFields", default=[])), default=""
    )


def _is_namespace(obj: Object) -> bool:
    return obj.get("kind") == "Namespace"


def _holders(obj: Object) -> str:
    """What keeps an object from going away."""
    if _is_namespace(obj):
        told = [
            str(c.get("message"))
            for c in get(obj, "status", "conditions", default=[])
            if c.get("status") == "True" and c.get("message")
        ]
        if told:
            return "; ".join(told)
    finalizers = get(obj, "metadata", "finalizers", default=[]) + get(obj, "spec", "finalizers", default=[])
    return f"finalizers {', '.join(finalizers)}" if finalizers else "waiting for the API server"
