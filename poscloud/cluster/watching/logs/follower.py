"""Following the logs of all pods of some services: those that end leave, new ones join."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace

from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.merge import Merger
from poscloud.cluster.watching.logs.read import follow
from poscloud.cluster.watching.logs.source import Source, folder_of, has_begun, sources_of
from poscloud.cluster.watching.namespace import Namespace
from poscloud.cluster.watching.services import Object, is_of_a_service, name_of
from poscloud.provider.rest import Query

HOLD_SECONDS = 1.0
"""How long a line is held back for earlier ones of other pods."""

LATE_SECONDS = 3.0
"""How long, for those of a pod that was writing all the time until now: it, or its node, is slow for a moment."""

SHOW_SECONDS = 0.1
"""How often lines come out."""

LOOK_SECONDS = 1.0
"""How often it is looked which pods there are."""

LAST_WORDS_SECONDS = 2.0
"""How long the log of a pod that is gone is still read, if its node does not end it."""

FILES = "*"
"""Stands for the log files of a container, all together."""

Show = Callable[[Sequence[Line]], None]
Note = Callable[[str], None]


class Follower:
    """The logs of some services from now on.

    Args:
        namespace: Where.
        services: Whose.
        container: A container's name, ``all``, or empty for each pod's main one.
        query: From where on those logs are read that are there at the beginning.
        show: Gets lines, in order.
        note: Gets in a line which pods come and go.
        files: Whether their log files are followed, too.
    """

    def __init__(
        self,
        namespace: Namespace,
        services: Collection[str],
        container: str,
        query: Query,
        show: Show,
        note: Note,
        *,
        files: bool = False,
    ) -> None:
        self._files = files
        self._noted: set[str] = set()
        self._namespace, self._services, self._container = namespace, frozenset(services), container
        self._first: Query = query
        self._show, self._note = show, note
        self._merger = Merger(HOLD_SECONDS, LATE_SECONDS)
        self._clock = namespace.client.clock
        self._there: set[str] = set()
        self._tasks: dict[Source, asyncio.Task[None]] = {}
        self._done: set[Source] = set()
        self._gone: set[Source] = set()
        self._quiet = False

    async def run(self) -> None:
        """Follow until cancelled.

        Raises:
            AuthError: The credentials do not hold any more, or this user may read no logs.
            UnreachableError: The cluster does not answer for a minute.
        """
        shower = asyncio.create_task(self._show_all())
        try:
            while True:
                await self._look()
                self._first = {}
                await self._wait(LOOK_SECONDS, shower)
        finally:
            for task in (*self._tasks.values(), shower):
                task.cancel()
            await asyncio.gather(*self._tasks.values(), shower, return_exceptions=True)
            self._show(self._merger.rest())

    async def _wait(self, seconds: float, shower: asyncio.Task[None]) -> None:
        """Wait a while; what goes wrong meanwhile is raised."""
        done, _ = await asyncio.wait(
            {shower, *self._tasks.values()}, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION
        )
        for task in done:
            if not task.cancelled():
                task.result()
        for source in [source for source, task in self._tasks.items() if task.done()]:
            del self._tasks[source]
            self._done.add(source)

    async def _look(self) -> None:
        """Begin with the logs of new pods, and end with those of pods that are gone."""
        found = [pod for pod in await self._namespace.listed("pods") if self._is_meant(pod)]
        self._there = {str(pod["metadata"]["uid"]) for pod in found}
        known = {*self._tasks, *self._done}
        for pod in found:
            for source in sources_of(pod, self._container):
                if source not in known and has_begun(pod, source.container):
                    self._begin(source, folder_of(pod, source.container) if self._files else "")
        for source, task in self._tasks.items():
            if source.uid not in self._there and source not in self._gone and not task.done():
                self._gone.add(source)
                if not source.file:
                    self._note(f"{source.label} is gone")
        if not found and not self._quiet:
            self._note(f"{', '.join(sorted(self._services))}: no pods; waiting for some")
        self._quiet = not found

    def _is_meant(self, pod: Object) -> bool:
        return name_of(pod) in self._services and is_of_a_service(pod)

    def _begin(self, source: Source, folder: str) -> None:
        if not self._first:
            self._note(f"{source.label} is new")
        for other, task in self._tasks.items():
            if (other.pod, other.container) == (source.pod, source.container):
                task.cancel()  # a log is asked for by its pod's name, and that is another pod's now
        self._merger.open(source)
        self._tasks[source] = asyncio.create_task(self._read(source, self._pour(source, self._first)))
        if folder:
            files = replace(source, file=FILES)  # no file is called so; each of its lines names its own
            pouring = self._pour_files(files, folder, self._first)
            self._tasks[files] = asyncio.create_task(self._read(files, pouring))

    async def _read(self, source: Source, pouring: Coroutine[None, None, None]) -> None:
        try:
            reading = asyncio.create_task(pouring)
            gone = asyncio.create_task(self._until_gone(source))
            try:
                await asyncio.wait({reading, gone}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    reading.result()
            finally:
                for task in (reading, gone):
                    task.cancel()
                await asyncio.gather(reading, gone, return_exceptions=True)
        finally:
            self._merger.close(source)

    async def _pour(self, source: Source, query: Query) -> None:
        lines = follow(self._namespace, source, query, lambda: source.uid in self._there)
        async for some in lines:
            self._merger.add(source, some, self._clock.now())

    async def _pour_files(self, source: Source, folder: str, query: Query) -> None:
        from poscloud.cluster.watching.logs.files import follow_files

        own = replace(source, file="")
        there = lambda: source.uid in self._there  # noqa: E731
        async for lines in follow_files(self._namespace, own, folder, query, there, self._note_once):
            self._merger.add(source, lines, self._clock.now())

    def _note_once(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._note(text)

    async def _until_gone(self, source: Source) -> None:
        while source.uid in self._there:
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(LAST_WORDS_SECONDS)

    async def _show_all(self) -> None:
        while True:
            await asyncio.sleep(SHOW_SECONDS)
            if lines := self._merger.take(self._clock.now()):
                self._show(lines)
