"""Log files in containers: read by a small script in the pod, which only looks, and is gone with its connection."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone

from poscloud.cluster.remote.channels import Channel
from poscloud.cluster.remote.command import Command, run
from poscloud.cluster.watching.logs.filetime import as_time, timed, zone_of
from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.read import AT_ONCE, SILENT_SECONDS
from poscloud.cluster.watching.logs.source import Source
from poscloud.cluster.watching.namespace import Namespace
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.rest import ApiError, Clock, Query

NEWEST = 3
"""Files of a container whose end is read at first: those that were written last."""

LISTED = 30
"""Files that are looked at, the newest of them; of those that are not read at first, what comes later is."""

MOST = 4 * 2**20
"""Bytes of a file that are read at a time, from its end on the first time."""

A_LINE = 400
"""Bytes that a line may have on average, so that the last N lines are found without reading all."""

LOOK_SECONDS = 0.5
"""How often it is looked for new lines of a file that is followed."""

AGAIN_SECONDS, LONGEST_SECONDS = 2.0, 30.0
"""After how long it is tried again; where it never worked, twice as long each time up to the second."""

# `l` lists the newest files, `r OFFSET FILE` shows one from there on; each answer ends with a line `.`, and each line
# of a file begins with `|`. An empty line before the end says that the last line is whole. The end of input ends it.
SCRIPT = """\
LC_ALL=C; export LC_ALL
cd "$1" || exit 73
while read -r word offset file; do
  case $word in
    l)
      date +%z
      find . -type f ! -path '*/.*' ! -name '*.gz' ! -name '*.zip' ! -name '*.bz2' ! -name '*.xz' ! -name '*.zst' \\
        ! -name '*.lck' ! -name '*.pid' ! -name '*.hprof' ! -path '*[[:cntrl:]]*' \\
        -exec stat -c '%Y %i %s %n' {} + | sort -rn | head -n "$2" ;;
    r) tail -c "+$((offset + 1))" "$file" | head -c "$3" | sed 's/^/|/'; echo ;;
    *) exit 0 ;;
  esac
  echo .
done
"""


_LISTED = re.compile(rb"(\d+) (\d+) (\d+) (\./.*)")
"""When a file was written, its number, its size, its name, which may be in any encoding."""


class NoFilesError(DeployError):
    """Log files of a container cannot be read; its other log can."""


class NoRightError(NoFilesError):
    """… and trying again does not help."""


@dataclass
class _File:
    """A file, and how far it has been read.

    Attributes:
        name: Its path in the folder.
        size: Its bytes when it was listed.
        changed: When it was written last, in seconds since 1970.
        offset: Up to where it has been read; -1: not yet.
        last: The time of its last line.
        first: Whether a part of a line may be the first that comes.
    """

    name: str
    size: int
    changed: float
    offset: int = -1
    last: bytes = b""
    first: bool = False


async def read_files(
    namespace: Namespace,
    folders: Iterable[tuple[Source, str]],
    query: Query,
    note: Callable[[str], None],
) -> list[Line]:
    """Return the last lines of log files of several containers, in order; what cannot be read is noted.

    Args:
        namespace: Where.
        folders: Containers, and their folders of log files.
        query: ``tailLines``, of each container, and ``sinceSeconds``; without them all, of up to ``MOST`` bytes a file.
        note: Gets a line about what is left out, once for the same reason.
    """
    slots, notes = asyncio.Semaphore(AT_ONCE), dict[str, None]()
    tail, oldest = _bounds(query)

    async def one(source: Source, folder: str) -> list[Line]:
        async with slots:
            try:
                async with opened(namespace, source, folder) as files:
                    lines = [line for line in await files.new(tail) if line.time >= oldest]
            except NoFilesError as error:
                notes.setdefault(_told(error))
                return []
        return lines

    found = await asyncio.gather(*(one(*each) for each in folders))
    for each in notes:
        note(each)
    return sorted((line for lines in found for line in lines), key=lambda line: line.time)


async def follow_files(
    namespace: Namespace,
    source: Source,
    folder: str,
    query: Query,
    there: Callable[[], bool],
    note: Callable[[str], None],
) -> AsyncIterator[list[Line]]:
    """Yield new lines of a container's log files until its pod is gone; a lost connection is taken up again."""
    tail, oldest = _bounds(query)
    state: dict[str, _File] | None = None
    wait = AGAIN_SECONDS
    while there():
        try:
            async with opened(namespace, source, folder, state) as files:
                while there():
                    if lines := [line for line in await files.new(tail) if line.time >= oldest]:
                        yield lines
                    state = files.copied()  # what is lost with a connection in the middle is read again
                    wait = AGAIN_SECONDS
                    await asyncio.sleep(LOOK_SECONDS)
        except NoFilesError as error:
            if state is None:  # it never worked, or not yet: a container may be about to start
                note(_told(error))
                wait = min(2 * wait, LONGEST_SECONDS)
            if isinstance(error, NoRightError):
                return
        await asyncio.sleep(wait)


def _cluster_of(namespace: Namespace) -> Cluster:
    """Return requests to a namespace's cluster; that it is the right one, has been looked at."""
    return Cluster(namespace.client.access, Settings(), Clock())


def _bounds(query: Query) -> tuple[int, bytes]:
    """Return how many lines are wanted, -1 for all, and the time of the oldest."""
    since = query.get("sinceSeconds")
    ago = datetime.now(UTC) - timedelta(seconds=int(since)) if since else None
    return int(query.get("tailLines", "-1")), as_time(ago.timestamp()) if ago else b""


def _told(error: NoFilesError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _copied(state: dict[str, _File]) -> dict[str, _File]:
    return {number: replace(file) for number, file in state.items()}


@asynccontextmanager
async def opened(
    namespace: Namespace, source: Source, folder: str, state: dict[str, _File] | None = None
) -> AsyncIterator[_Files]:
    """Have the script run in a container until the block ends.

    Raises:
        NoFilesError: It does not run there, or not any more.
    """
    words = ("sh", "-c", SCRIPT, "poscloud-logs", folder, str(LISTED), str(MOST))
    command = Command(namespace.name, source.pod, source.container, words, takes_input=True)
    talk = _Talk()
    running = asyncio.create_task(run(_cluster_of(namespace), command, talk.hear, talk.questions()))
    talk.running = running
    try:
        yield _Files(talk, source, _copied(state or {}), first=state is None)
    except (PosCloudError, OSError, TimeoutError) as error:
        raise _no_files(namespace, source, folder, error) from error
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _no_files(namespace: Namespace, source: Source, folder: str, error: Exception) -> NoFilesError:
    if isinstance(error, ApiError) and error.status == 403:
        refused = namespace.refused(error)
        what = f"log files in {folder} are left out: to read them you need `get` and `create` on pods/exec"
        return NoRightError(what, hint=refused.hint if isinstance(refused, AuthError) else "")
    why = "no answer in time" if isinstance(error, TimeoutError) else str(error)
    return NoFilesError(f"log files of {source.label} in {folder} are left out: {why}")


@dataclass
class _Talk:
    """Questions to the script, and its answers."""

    asked: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    answer: bytearray = field(default_factory=bytearray)
    complaint: bytearray = field(default_factory=bytearray)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.Task[int] | None = None

    async def hear(self, channel: Channel, data: bytes) -> None:
        if channel == Channel.STDOUT:
            self.answer += data
            self.came.set()
        elif len(self.complaint) < 500:
            self.complaint += data

    async def questions(self) -> AsyncIterator[bytes]:
        while True:
            yield await self.asked.get()

    async def ask(self, question: str) -> list[bytes]:
        """Return the lines of an answer.

        Raises:
            TimeoutError: There is none for a while.
            PosCloudError: The script ended.
        """
        self.answer.clear()
        self.asked.put_nowait(question.encode(errors="surrogateescape") + b"\n")
        assert self.running is not None
        while not (self.answer.endswith(b"\n.\n") or self.answer == b".\n"):
            self.came.clear()
            waiting = asyncio.create_task(self.came.wait())
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    await asyncio.wait({waiting, self.running}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting
            if self.running.done() and not self.came.is_set():
                code = self.running.result()
                said = self.complaint.decode(errors="replace").strip().splitlines()
                raise DeployError(said[0] if said else f"sh ended with {code}")
        return bytes(self.answer[:-2]).split(b"\n")[:-1]


class _Files:
    """The newest log files of one container.

    Attributes:
        state: What is known of them, by their number in the file system: a file that is renamed stays what it is.
    """

    def __init__(self, talk: _Talk, source: Source, state: dict[str, _File], *, first: bool) -> None:
        self._talk, self._source, self.state, self._first = talk, source, state, first
        self._zone: timezone = UTC

    async def new(self, tail: int) -> list[Line]:
        """Return the lines that have come since it was asked last, in order; the first time the last ``tail`` ones."""
        await self._list()
        found: list[Line] = []
        for number, file in enumerate(self.state.values()):
            if file.offset < 0:
                self._place(file, tail, read=number < NEWEST)
            if file.offset > file.size:  # emptied, and written anew
                file.offset = 0
            before = -1
            while before < file.offset < file.size:
                before = file.offset
                found += await self._read(file)
        if self._first and tail >= 0:
            found.sort(key=lambda line: line.time)
            found = found[-tail:] if tail else []
        self._first = False
        return sorted(found, key=lambda line: line.time)

    def copied(self) -> dict[str, _File]:
        """Return what is known of them now, whatever is read later."""
        return _copied(self.state)

    def _place(self, file: _File, tail: int, *, read: bool) -> None:
        """Set from where on a file is read that was not known."""
        window = (MOST if tail < 0 else min(MOST, max(tail, 1) * A_LINE)) if read else 0
        file.offset = max(0, file.size - window) if self._first else 0
        file.first = read and file.offset > 0

    async def _list(self) -> None:
        zone, *lines = await self._talk.ask("l")
        if not lines and self._talk.complaint:
            raise DeployError(self._talk.complaint.decode(errors="replace").splitlines()[0])
        self._zone = zone_of(zone)
        listed = {}
        for line in lines:
            if not (told := _LISTED.fullmatch(line)):
                continue
            changed, inode, size, name = (part.decode(errors="surrogateescape") for part in told.groups())
            known = self.state.get(inode) or _File(name, 0, 0.0)
            known.name, known.size, known.changed = name, int(size), float(changed)
            listed[inode] = known
        self.state = listed

    async def _read(self, file: _File) -> Sequence[Line]:
        """Return the whole lines from where it was read to; none where there are none."""
        answer = await self._talk.ask(f"r {file.offset} {file.name}")
        is_whole = bool(answer) and answer[-1] == b""
        raw = [line[1:] for line in answer if line.startswith(b"|")]
        if raw and not is_whole and not (len(raw) == 1 and len(raw[0]) >= MOST):
            raw.pop()
        if not raw:
            return ()
        file.offset += sum(map(len, raw)) + len(raw) - (not is_whole and len(raw[-1]) >= MOST)
        if file.first:
            raw, file.first = raw[1:], False
        shown = (
            file.name.removeprefix("./").encode(errors="surrogateescape").decode(errors="backslashreplace")
        )
        source = replace(self._source, file=shown)
        lines = timed(raw, source, self._zone, file.last or b"")
        if lines and not lines[0].time:  # nowhere in it is a time
            stamp = as_time(file.changed or time.time())
            lines = [line._replace(time=stamp) for line in lines]
        if lines:
            file.last = lines[-1].time
        return lines
