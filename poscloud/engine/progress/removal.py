"""Looking at what is removed, while the engine waits for it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from poscloud.cluster.target import Target
from poscloud.cluster.watching.namespace import Namespace
from poscloud.cluster.watching.services import services_of
from poscloud.engine.progress.follow import Show, wants_engine
from poscloud.engine.progress.going import Going, Seen
from poscloud.errors import PosCloudError
from poscloud.provider import diagnosis
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.rest import ApiError, Clock

LOOK_SECONDS = 0.5
"""How often the cluster is asked: one small list and one object."""

HELD_SECONDS = 5.0
"""How long a namespace may be going until it is asked what holds it; its controller begins after as long."""

HELD_EVERY = 2.0
"""How often that is asked from then on."""


def removal(target: Target, stack: str, mark: str) -> Show | None:
    """Return what shows how an environment is removed; ``None`` where it is not there, or need or may not be looked at.

    Args:
        target: Its cluster.
        stack: The environment.
        mark: ``project/stack``, which its namespace has to say.
    """
    if wants_engine():
        return None
    try:
        going = asyncio.run(_before(Namespace(target, stack, mark)))
    except (PosCloudError, OSError):
        return None  # who removes it is told by the engine

    def beside(over: threading.Event, changed: Callable[[Iterable[str]], None], began: float) -> None:
        asyncio.run(_until(over, _look(Namespace(target, stack, mark), going, over, changed, began)))

    return going, beside


async def _before(namespace: Namespace) -> Going:
    await namespace.verify()
    lists = [await namespace.listed_if_allowed(kind) for kind in ("deployments", "statefulsets", "pods")]
    deployments, stateful, pods = (found or [] for found in lists)
    return Going(namespace.name, services_of([*deployments, *stateful], pods).values())


async def _until(over: threading.Event, looking: Coroutine[Any, Any, None]) -> None:
    """Look, and end at once with the run: a cluster that does not answer is asked again for up to minutes."""
    task = asyncio.create_task(looking)
    ended = asyncio.create_task(asyncio.to_thread(over.wait))
    await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _look(
    namespace: Namespace,
    going: Going,
    over: threading.Event,
    changed: Callable[[Iterable[str]], None],
    began: float,
) -> None:
    """Look until the run is over; what cannot be asked is not shown."""
    asked, cluster = 0.0, Cluster(namespace.client.access, Settings(), Clock())
    while not over.is_set():
        try:
            seen = await _seen(namespace)
            now = time.monotonic() - began
            if _is_slow(going, now) and now - asked >= HELD_EVERY and seen.namespace is not None:
                asked, seen.holds = now, await _holds(cluster, seen)
            changed(going.see(seen, now))
        except (PosCloudError, OSError):
            pass  # a moment's silence of the cluster; the engine tells of a longer one
        await asyncio.sleep(LOOK_SECONDS)


def _is_slow(going: Going, now: float) -> bool:
    return going.begun is not None and now - going.begun >= HELD_SECONDS


async def _seen(namespace: Namespace) -> Seen:
    try:
        live = await namespace.get(f"/api/v1/namespaces/{namespace.name}")
    except ApiError as error:
        if error.status == 404:
            return Seen(None)
        raise
    return Seen(live, await namespace.listed_if_allowed("pods"))


async def _holds(cluster: Cluster, seen: Seen) -> str:
    """Return what keeps the namespace, with finalizers; without pods, of which their components tell."""
    left = await diagnosis.remaining(cluster, seen.namespace or {}, without="pods")
    return left.removeprefix("; remaining: ")
