"""Following objects: one watch for all the workloads of a kind in a namespace, however many are waited for.

Anything else is watched by its name, and so are these by whoever may not watch the whole collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import h11

from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.provider.rest import ApiError, StoppedError
from poscloud.provider.shape import answered, understanding

Object = dict[str, Any]
# The object whenever it changed, None when it is gone, or why nothing more can be said.
Events = asyncio.Queue[Object | Exception | None]

SHARED = frozenset({"Deployment", "StatefulSet"})
"""Kinds of which many are waited for at once."""

AGAIN = 0.2
"""Seconds from the end of a watch to the next."""

_LOST = (OSError, TimeoutError, EOFError, h11.RemoteProtocolError, ApiError)


class Follower:
    """Follows objects of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._shared: dict[str, _Shared] = {}

    @asynccontextmanager
    async def follow(self, live: Object) -> AsyncIterator[Events]:
        """A queue that gets the object whenever it changes from what ``live`` is."""
        queue: Events = asyncio.Queue()
        tasks = [asyncio.create_task(self._feed(live, queue)), asyncio.create_task(self._stop(queue))]
        try:
            yield queue
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _stop(self, queue: Events) -> None:
        await self._cluster.clock.stopped.wait()
        queue.put_nowait(StoppedError("stopped: the deployment was cancelled"))

    async def _feed(self, live: Object, queue: Events) -> None:
        """Put the object into the queue whenever it changes, and ``None`` when it is gone."""
        try:
            resource, namespace = await self._cluster.locate(live)
            path = resource.path(namespace)
            if live.get("kind") in SHARED and namespace:
                with suppress(_RefusedError):
                    await self._join(path, live, queue)
            await self._alone(path, live, queue)
        except Exception as error:  # whatever it is: who waits must not wait for nothing
            queue.put_nowait(error)

    async def _alone(self, path: str, live: Object, queue: Events) -> None:
        version = _version(live)
        selector = f"metadata.name={live['metadata']['name']}"
        while True:
            query = {"fieldSelector": selector, "resourceVersion": version, "timeoutSeconds": "300"}
            with suppress(*_LOST):
                async for event in self._cluster.client.watch(path, query):
                    if event.get("type") == "ERROR":
                        break
                    queue.put_nowait(None if event["type"] == "DELETED" else event["object"])
                    version = _version(event["object"])
            # The watch ended, was too old or got lost: what is true now, and on from there.
            current = await self._cluster.get(live)
            queue.put_nowait(current)
            version = _version(current)
            await self._cluster.clock.sleep(AGAIN)

    async def _join(self, path: str, live: Object, queue: Events) -> None:
        """Take part in the watch of a path: the first one begins it, and with the last one it ends.

        Raises:
            _RefusedError: The whole collection may not be watched.
        """
        shared = self._shared.get(path)
        if shared is None or shared.watch.done():
            shared = self._shared[path] = _Shared(self._cluster, path, _version(live))
        waiter = _Waiter(str(live["metadata"]["name"]), _version(live), queue)
        try:
            if shared.enter(waiter):
                found = await self._cluster.get(live)
                waiter.tell(_version(found) if found else "", found)
            await asyncio.shield(shared.watch)
        finally:
            if shared.leave(waiter) and self._shared.get(path) is shared:
                del self._shared[path]  # at once: who comes now must not join what is ending


class _Waiter:
    """Who waits for an object, and the newest version it knows.

    Args:
        name: The object's name.
        version: Its resourceVersion, as the waiter knows it.
        queue: Gets what is newer.
    """

    def __init__(self, name: str, version: str, queue: Events) -> None:
        self.name, self.version, self._queue = name, version, queue

    def tell(self, version: str, found: Object | None) -> None:
        """Put what there was at a version into the queue; answers may come later than events that are newer."""
        if not _is_known(version, self.version):
            self.version = version
            self._queue.put_nowait(found)


class _RefusedError(Exception):
    """One's own objects may be watched, but not all of a namespace."""


class _Shared:
    """One watch of a collection, and who waits for which of its objects.

    Args:
        cluster: Where.
        path: The collection.
        version: The resourceVersion it begins after.
    """

    def __init__(self, cluster: Cluster, path: str, version: str) -> None:
        self._cluster, self._path, self._begun = cluster, path, version
        self._waiters: dict[str, list[_Waiter]] = {}
        self._latest: dict[str, tuple[str, Object | None]] = {}
        self.watch = asyncio.create_task(self._watch())

    def enter(self, waiter: _Waiter) -> bool:
        """Wait for one object; whether it has to be asked for, because it is older than the watch."""
        self._waiters.setdefault(waiter.name, []).append(waiter)
        if waiter.name in self._latest:
            waiter.tell(
                *self._latest[waiter.name]
            )  # it may have changed between the answer to its write and now
            return False
        return not _is_known(self._begun, waiter.version)

    def leave(self, waiter: _Waiter) -> bool:
        """Wait no longer; whether nobody does any more, which ends the watch."""
        self._waiters[waiter.name].remove(waiter)
        if not self._waiters[waiter.name]:
            del self._waiters[waiter.name]
        if not self._waiters:
            self.watch.cancel()
        return not self._waiters

    async def _watch(self) -> None:
        version = self._begun
        while True:
            query = {"resourceVersion": version, "timeoutSeconds": "300"}
            with suppress(*_LOST):
                async for event in self._cluster.client.watch(self._path, query):
                    if event.get("type") == "ERROR":
                        break
                    version = _version(event["object"])
                    name = str(get(event["object"], "metadata", "name"))
                    self._note(name, version, None if event["type"] == "DELETED" else event["object"])
            version = await self._look()
            await self._cluster.clock.sleep(AGAIN)

    async def _look(self) -> str:
        """The watch ended, was too old or got lost: tell what is true now, and return where to go on."""
        try:
            answer = await self._cluster.client.request("GET", self._path)
        except ApiError as error:
            if error.status == 403:
                raise _RefusedError from error
            raise
        of_all = {
            "apiVersion": answer.get("apiVersion"),
            "kind": str(answer.get("kind")).removesuffix("List"),
        }
        with understanding(self._path):
            found = [answered({**of_all, **item}, f"GET {self._path}") for item in answer.get("items") or []]
        items = {str(item["metadata"]["name"]): item for item in found}
        for name, item in items.items():
            self._note(name, _version(item), item)
        version = _version(answer)
        for name in self._waiters.keys() - items.keys():
            self._note(name, version, None)
        return version

    def _note(self, name: str, version: str, found: Object | None) -> None:
        self._latest[name] = (version, found)
        for waiter in self._waiters.get(name, ()):
            waiter.tell(version, found)


def _version(obj: Object | None) -> str:
    return str(get(obj, "metadata", "resourceVersion", default="0"))


def _is_known(version: str, known: str) -> bool:
    """Whether one resourceVersion is not later than another of the same collection; they are numbers."""
    return version.isdecimal() and known.isdecimal() and int(version) <= int(known)
