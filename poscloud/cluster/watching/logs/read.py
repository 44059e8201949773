"""One container's log over the API: as it is now, or followed for as long as the container is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import aclosing

import h11

from poscloud.cluster.watching.logs.line import Line, lines_of
from poscloud.cluster.watching.logs.source import Source
from poscloud.cluster.watching.namespace import Namespace
from poscloud.provider.connection import LONGEST_ANSWER, Connection, parts_of
from poscloud.provider.rest import ApiError, Query, UnreachableError
from poscloud.provider.shape import NotUnderstoodError

AT_ONCE = 16
"""Logs that are read at the same time: each costs its kubelet."""

SILENT_SECONDS = 8.0
"""How long nothing may come of a log that is not followed: its node may be gone, and the others are there."""

LOST_SECONDS = 60.0
"""How long an API server that does not answer is asked again for a log that is followed."""

AGAIN_SECONDS = 1.0

TOGETHER_SECONDS = 0.05
"""How long lines are left to gather: the API sends each by itself, and many at once cost a fraction."""

NO_LOG = (400, 404)
"""What the API server answers where there is no such log: the container has not begun, or not run before."""

NOT_NOW = (*NO_LOG, 500, 502, 503, 504)
"""What the API server answers for a log where the container, the pod or its node is not there just now."""

LOST = (OSError, EOFError, TimeoutError, h11.RemoteProtocolError)
"""What a connection that ends in the middle of an answer raises."""


class SilentError(UnreachableError):
    """Nothing comes of one log; the cluster answers."""


async def read_all(
    namespace: Namespace,
    sources: Iterable[Source],
    query: Query,
    note: Callable[[str], None],
    unsaid: Collection[int] = (),
) -> list[Line]:
    """Return the lines of several logs in the order they were written; one that cannot be read is left out.

    Args:
        namespace: Where.
        sources: Whose.
        query: Of the API: ``tailLines``, ``sinceSeconds``, ``previous``.
        note: Gets in a line which log there is none of, and why.
        unsaid: HTTP statuses that need no note.

    Raises:
        AuthError: The credentials do not hold, or this user may read no logs.
        UnreachableError: The cluster does not answer.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(source: Source) -> list[Line] | None:
        async with slots:
            try:
                return await read(namespace, source, query)
            except SilentError as error:
                note(f"no log of {source.label}: {error.message}")
                return None
            except ApiError as error:
                if error.status not in NOT_NOW:
                    raise
                if error.status not in unsaid:
                    note(f"no log of {source.label}: {error.message}")
                return []

    found = await asyncio.gather(*map(one, sources))
    if found and all(lines is None for lines in found):
        await namespace.verify()  # says so where it is the cluster that does not answer
    return sorted((line for lines in found for line in lines or ()), key=lambda line: line.time)


async def read(namespace: Namespace, source: Source, query: Query) -> list[Line]:
    """Return the lines of one log.

    Raises:
        SilentError: Nothing came of it for a while.
        ApiError: It is not there, or its node is not.
        AuthError: The credentials do not hold, or this user may read no logs.
        UnreachableError: The cluster does not answer.
    """
    text = bytearray()

    async def keep(connection: Connection) -> bytes:
        text.clear()  # after a lost connection it comes again from its start
        async for part in parts_of(connection):
            limit.reschedule(asyncio.get_running_loop().time() + SILENT_SECONDS)
            text.extend(part)
            if len(text) > LONGEST_ANSWER:
                raise NotUnderstoodError(f"the log of {source.label} has more than {LONGEST_ANSWER} bytes")
        return b""

    try:
        async with asyncio.timeout(SILENT_SECONDS) as limit:
            await namespace.pour(path_of(namespace, source), _with_time(source, query), keep)
    except TimeoutError:
        where = f"node {source.node}" if source.node else "its node"
        raise SilentError(f"{where} of pod {source.pod} did not answer for {SILENT_SECONDS:g} s") from None
    return lines_of(bytes(text).removesuffix(b"\n").split(b"\n") if text else (), source)


async def follow(
    namespace: Namespace, source: Source, query: Query, there: Callable[[], bool]
) -> AsyncIterator[list[Line]]:
    """Yield the lines of one log as they are written, until its container is gone; a lost connection is taken up again.

    Args:
        namespace: Where.
        source: Whose.
        query: From where on.
        there: Whether its pod is still there.

    Raises:
        AuthError: The credentials do not hold, or this user may read no logs.
        UnreachableError: The cluster does not answer for a minute.
    """
    clock, place = namespace.client.clock, _Place()
    answered = clock.now()
    while True:
        try:
            async for lines in _once(namespace, source, place.query(query), place):
                answered = clock.now()
                yield lines
            answered = clock.now()
        except LOST as error:
            if clock.now() - answered > LOST_SECONDS:
                raise UnreachableError(
                    f"the log of {source.label} ended in the middle, and {namespace.client.access.server} does not "
                    f"answer: {str(error) or type(error).__name__}",
                    hint="is the cluster running? poscloud doctor",
                ) from None
        except ApiError as error:
            if error.status == 401:
                await namespace.verify()  # gets new credentials, or says why there are none
            elif error.status not in NOT_NOW:
                raise namespace.refused(error) from error
        if not there():
            return
        await asyncio.sleep(AGAIN_SECONDS)


async def _once(
    namespace: Namespace, source: Source, query: Query, place: _Place
) -> AsyncIterator[list[Line]]:
    """Yield the lines of one log until the server ends it, or the connection is lost."""
    wanted = {**_with_time(source, query), "follow": "true"}
    async with aclosing(namespace.client.stream(path_of(namespace, source), wanted)) as parts:
        rest = b""
        async for part in parts:
            *raw, rest = (rest + part).split(b"\n")
            if raw and (new := place.new(lines_of(raw, source, place.before))):
                yield new
            await asyncio.sleep(TOGETHER_SECONDS)
        if rest and (new := place.new(lines_of([rest], source, place.before))):
            yield new


class _Place:
    """How far a log has been read, to go on there after a lost connection."""

    def __init__(self) -> None:
        self._last: Line | None = None
        self._at_last = 0
        self._skip = 0

    def query(self, first: Query) -> Query:
        """Return from where on to read: only whole seconds can be asked for, so some lines come twice."""
        if self._last is None:
            return first
        self._skip = self._at_last
        return {"sinceTime": f"{self._last.time[:19].decode()}Z"}

    @property
    def before(self) -> bytes:
        """The time of the last line; empty while those come again that were read before."""
        return self._last.time if self._last and not self._skip else b""

    def new(self, lines: list[Line]) -> list[Line]:
        """Return the lines that were not read before."""
        if self._skip and self._last:
            lines = self._after(lines, self._last.time)
        if lines:
            last = lines[-1]
            same = next((n for n, line in enumerate(reversed(lines)) if line.time != last.time), len(lines))
            goes_on = same == len(lines) and self._last is not None and self._last.time == last.time
            self._last, self._at_last = last, same + (self._at_last if goes_on else 0)
        return lines

    def _after(self, lines: list[Line], last: bytes) -> list[Line]:
        for number, line in enumerate(lines):
            if line.time > last:
                self._skip = 0
                return lines[number:]
            if line.time == last:
                self._skip -= 1
                if not self._skip:
                    return lines[number + 1 :]
        return []


def path_of(namespace: Namespace, source: Source) -> str:
    """Return where the API has a log."""
    return f"/api/v1/namespaces/{namespace.name}/pods/{source.pod}/log"


def _with_time(source: Source, query: Query) -> dict[str, str]:
    return {**query, "container": source.container, "timestamps": "true"}
