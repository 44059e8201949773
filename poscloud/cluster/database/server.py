"""A MySQL in its container: asked, dumped, given SQL."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from poscloud.cluster.database.ledger import LOOK, READ, State, Step, has_ledger, rows, state_of
from poscloud.cluster.database.scripts import ASK, DUMP, NOTHING_DONE, RUN, UNDER_WAY
from poscloud.cluster.remote.channels import Channel
from poscloud.cluster.remote.command import Command, Write, run
from poscloud.errors import ArchiveError, DeployError
from poscloud.provider.cluster import Cluster

MOST_TOLD = 8192
"""Bytes of what a program complains of that are kept."""

MOST_ANSWER = 64 * 2**20
"""Bytes that an answer may have."""

CHUNK = 64 * 1024

_END = b"-- Dump completed"
"""How the last line of a whole dump begins."""


class UntouchedError(DeployError):
    """Nothing was changed."""


class UnderWayError(UntouchedError):
    """Somebody else makes these databases anew just now."""


@dataclass(frozen=True)
class Server:
    """A MySQL.

    Attributes:
        cluster: Its cluster.
        namespace: Its pod's.
        pod: Its pod.
        container: Its container.
    """

    cluster: Cluster
    namespace: str
    pod: str
    container: str

    async def state(self) -> State:
        """Return its databases, and what its ledger says.

        Raises:
            DeployError: It does not answer; says what it said.
        """
        looked = rows(await self._ask(LOOK))
        return state_of(looked, rows(await self._ask(READ)) if has_ledger(looked) else ())

    async def dump(self, databases: Sequence[str], file: Path) -> tuple[int, str]:
        """Write databases as compressed SQL to a file that is not there yet; return its bytes and SHA-256.

        Raises:
            ArchiveError: It is not whole.
        """
        try:
            with file.open("xb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
                file.chmod(0o600)
                heard = _Heard(out.write)
                code = await self._run((DUMP, *databases), heard.write)
        except OSError as error:
            raise ArchiveError(
                f"the databases could not be dumped to {file.parent}: {error.strerror or error}; nothing was changed",
                hint=f"df -h {file.parent.parent}",
            ) from None
        if code or not heard.tail.strip().rpartition(b"\n")[2].startswith(_END):
            raise ArchiveError(f"the databases could not be dumped: {heard.told(code)}", hint=self._look)
        with file.open("rb") as there:
            return file.stat().st_size, hashlib.file_digest(there, "sha256").hexdigest()

    async def apply(self, steps: Sequence[Step], tell: Callable[[str], None]) -> None:
        """Run pieces of SQL one after the other, until one fails.

        Args:
            steps: The pieces.
            tell: Gets the label of each before it is run.

        Raises:
            UnderWayError: Somebody else does that just now; nothing was done.
            UntouchedError: Nothing was done, for another reason.
            DeployError: One failed: says what the server said; those before it were run.
        """
        data, words = b"", list[str]()
        for step in steps:
            piece = step.sql.encode()
            words += [step.label, step.database, str(len(data)), str(len(piece))]
            data += piece
        heard = _Heard(None, tell)

        async def parts() -> AsyncIterator[bytes]:
            for at in range(0, len(data), CHUNK):
                yield data[at : at + CHUNK]

        code = await self._run((RUN, str(len(data)), *words), heard.write, parts())
        if code == UNDER_WAY:
            raise UnderWayError(
                "somebody else makes these databases anew just now; nothing was done",
                hint="poscloud db status",
            )
        if code == NOTHING_DONE:
            raise UntouchedError(f"nothing was changed: {heard.told(code)}", hint=self._look)
        if code:
            raise DeployError(heard.told(code), hint=self._look)

    @property
    def _look(self) -> str:
        return f"what the server says: poscloud logs {self.container} -e {self.namespace}"

    async def _ask(self, statements: str) -> bytes:
        heard = _Heard(None)
        if code := await self._run((ASK, statements), heard.write):
            raise DeployError(f"MySQL in pod {self.pod} does not answer: {heard.told(code)}", hint=self._look)
        return bytes(heard.output)

    async def _run(
        self, words: tuple[str, ...], write: Write, data: AsyncIterator[bytes] | None = None
    ) -> int:
        script, *rest = words
        whole = ("sh", "-c", script, "poscloud-db", *rest)
        command = Command(self.namespace, self.pod, self.container, whole, takes_input=data is not None)
        return await run(self.cluster, command, write, data)


class _Heard:
    """What a script wrote.

    Args:
        sink: Gets its output; ``None``: it is kept.
        tell: Gets each line of its output.
    """

    def __init__(
        self, sink: Callable[[bytes], object] | None, tell: Callable[[str], None] | None = None
    ) -> None:
        self._sink, self._tell = sink, tell
        self._complaints = bytearray()
        self.output, self.tail = bytearray(), b""

    async def write(self, channel: Channel, data: bytes) -> None:
        if channel != Channel.STDOUT:
            self._complaints += data[: MOST_TOLD - len(self._complaints)]
        elif self._sink:
            self._sink(data)
            self.tail = (self.tail + data)[-200:]
        else:
            self.output += data
            if len(self.output) > MOST_ANSWER:
                raise DeployError(f"the answer has more than {MOST_ANSWER} bytes")
            self._say()

    def _say(self) -> None:
        while self._tell and b"\n" in self.output:
            line, _, rest = self.output.partition(b"\n")
            self.output = bytearray(rest)
            self._tell(line.decode(errors="replace"))

    def told(self, code: int) -> str:
        """What it complained of."""
        lines = self._complaints.decode(errors="replace").splitlines()
        return "; ".join(line.strip() for line in lines[-4:] if line.strip()) or f"exit code {code}"
