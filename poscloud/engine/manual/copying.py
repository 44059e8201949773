"""``poscloud cp``: files into a container of a service, which is recorded, and out of it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from poscloud.cluster.remote import terminal
from poscloud.cluster.remote.archives import NOTHING_DONE, READ, WRITE, Taken, pack, unpack
from poscloud.cluster.remote.channels import Channel
from poscloud.cluster.remote.command import Command, run
from poscloud.engine.manual.asked import end_of, refuse_production
from poscloud.engine.manual.container import Container
from poscloud.engine.manual.place import place_of
from poscloud.engine.manual.visit import NothingDoneError, Wanted, in_container
from poscloud.errors import DeployError, PosCloudError, UsageError
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster

MOST_TOLD = 4096
"""Bytes of what a program in the container complains of that are kept."""

CHUNK = 128 * 1024

CHANGES = "changed as we read it"
"""What tar says of a file that is being written, as logs are: it has its beginning, and its size at that time."""


@dataclass(frozen=True)
class Copy:
    """What is copied.

    Attributes:
        service: Whose container.
        path: A path in it, from its working directory on.
        local: A path on this machine.
        into: Whether it goes into the container.
    """

    service: str
    path: str
    local: Path
    into: bool

    @property
    def there(self) -> str:
        """The path in a form that no program takes for an option."""
        return self.path if self.path.startswith("/") else f"./{self.path}"

    @property
    def name(self) -> str:
        """What it is called where it is put into a folder."""
        if self.into:
            return self.local.resolve().name or "files"
        name = PurePosixPath(self.path).name
        return self.service if name in ("", "..") else name


def read(source: str, target: str) -> Copy:
    """Return what is meant by two words of which one is ``SERVICE:PATH``.

    Raises:
        UsageError: Both are, or none is, or the local one is not there.
    """
    remote = [_remote(word) for word in (source, target)]
    if bool(remote[0]) == bool(remote[1]):
        raise UsageError(
            f"one of '{source}' and '{target}' has to be in a pod, and the other one on this machine",
            hint="poscloud cp dac-task:/home/deploy/logs . -e ENVIRONMENT; a local name with a colon: ./a:b",
        )
    if found := remote[0]:
        return Copy(*found, Path(target), into=False)
    service, path = remote[1] or ("", "")
    if not Path(source).exists():
        raise UsageError(f"there is no {source}", hint=f"ls -ld {source}")
    if not (Path(source).is_file() or Path(source).is_dir()):
        raise UsageError(f"{source} is neither a file nor a folder", hint=f"ls -ld {source}")
    return Copy(service, path, Path(source), into=True)


def _remote(word: str) -> tuple[str, str] | None:
    service, colon, path = word.partition(":")
    if not (service and colon) or "/" in service or service.startswith("."):
        return None
    if not path or "\0" in path:
        raise UsageError(f"'{word}' has no path", hint=f"for example {service}:/tmp/")
    return service, path


def copy(
    root: Path, stack: str, what: Copy, reporter: Reporter, tell: Callable[[str], None], wanted: Wanted
) -> None:
    """Copy files into a container, or out of it; all of them or none.

    Args:
        root: The project's folder.
        stack: The environment.
        what: What is copied.
        reporter: Shows progress.
        tell: Gets a line about which pod it is, what is recorded, and what was copied.
        wanted: Which container, and what is recorded.

    Raises:
        UsageError: It only reads, and is to last.
        PosCloudError: There is no such service or container, it is production, or a name leads out of its folder.
        DeployError: None of its pods runs, or the files did not arrive; says why.
    """
    if wanted.lasts and not what.into:
        raise UsageError("--for is for what goes into a pod; this only reads", hint="leave --for out")
    end = end_of(wanted.lasts)
    place = place_of(root, stack, reporter)
    refuse_production(place, yes=wanted.yes)

    async def work(cluster: Cluster, found: Container) -> int:
        with tempfile.TemporaryFile() as archive, terminal.ended_by_signals():
            copies = _send if what.into else _fetch
            taken = await copies(cluster, stack, found, what, archive)
        tell(f"copied: {taken}")
        if taken.left:
            names = ", ".join(taken.left[:5]) + (" …" if len(taken.left) > 5 else "")
            tell(f"left out, neither files nor folders: {names}")
        return 0

    asyncio.run(in_container(place, what.service, tell, wanted, end, work))


async def _send(cluster: Cluster, stack: str, found: Container, what: Copy, archive: IO[bytes]) -> Taken:
    taken = await asyncio.to_thread(pack, what.local, archive)
    size = archive.seek(0, 2)
    archive.seek(0)
    kind = "folder" if what.local.is_dir() else "file"
    words = ("sh", "-c", WRITE, "poscloud-cp", what.there, what.name, kind, str(size))
    heard = _Heard(None)
    command = Command(stack, found.pod, found.name, words, takes_input=True)
    code = await run(cluster, command, heard.write, _parts(archive))
    if code == NOTHING_DONE:
        raise NothingDoneError(f"nothing was copied: {heard.told(code)}", hint=_HINT)
    if code:
        raise DeployError(f"only part of it may have been copied: {heard.told(code)}", hint="run it again")
    return taken


async def _fetch(cluster: Cluster, stack: str, found: Container, what: Copy, archive: IO[bytes]) -> Taken:
    heard = _Heard(archive)
    words = ("sh", "-c", READ, "poscloud-cp", what.there)
    code = await run(cluster, Command(stack, found.pod, found.name, words), heard.write)
    if code and not (code == 1 and heard.only_changes):
        raise NothingDoneError(f"nothing was copied: {heard.told(code)}", hint=_HINT)
    archive.seek(0)
    return await asyncio.to_thread(unpack, archive, what.local, what.name)


_HINT = (
    "what is there: poscloud exec SERVICE -- ls -la FOLDER; where its program may write: /tmp, its log folder"
)


class _Heard:
    """What a program in a container wrote: its output to a file, the beginning of its complaints."""

    def __init__(self, output: IO[bytes] | None) -> None:
        self._output, self._complaints = output, bytearray()

    async def write(self, channel: Channel, data: bytes) -> None:
        if channel == Channel.STDOUT and self._output:
            try:
                await asyncio.to_thread(self._output.write, data)
            except OSError as error:
                folder = tempfile.gettempdir()
                raise PosCloudError(
                    f"what came cannot be kept in {folder}: {error.strerror}; nothing was copied",
                    hint=f"df -h {folder}; another one: TMPDIR=FOLDER poscloud cp …",
                ) from None
        else:
            self._complaints += data[: MOST_TOLD - len(self._complaints)]

    @property
    def _lines(self) -> Sequence[str]:
        return [line for line in self._complaints.decode(errors="replace").splitlines() if line.strip()]

    @property
    def only_changes(self) -> bool:
        """Whether all it complains of are files that were written meanwhile."""
        return bool(self._lines) and all(CHANGES in line for line in self._lines)

    def told(self, code: int) -> str:
        """What it said, in one line."""
        return "; ".join(self._lines[:3]) or f"exit code {code}"


async def _parts(archive: IO[bytes]) -> AsyncIterator[bytes]:
    while part := await asyncio.to_thread(archive.read, CHUNK):
        yield part
