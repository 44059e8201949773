"""One command in a container: connected over the API server, fed, heard, and its exit code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from poscloud.cluster.remote.channels import (
    NO_MORE_INPUT,
    PROTOCOL,
    Channel,
    exit_code,
    message,
    size_message,
)
from poscloud.cluster.remote.connection import connected
from poscloud.errors import DeployError, PosCloudError
from poscloud.provider.cluster import Cluster

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

PING_SECONDS = 20.0
"""How often it is asked whether a connection still lives."""

SILENCE_SECONDS = 60.0
"""How long a connection may not answer a ping, nor bring anything else, before it counts as lost."""

LOOK_SECONDS = 1.0
"""How often an answer that is missing is looked for."""

Write = Callable[[Channel, bytes], Awaitable[None]]


@dataclass
class _Life:
    """When a connection was last heard, and whether what it brought is being written.

    Nothing is read from it meanwhile, answers to pings neither: whoever reads slowly, a pager, would lose it.
    """

    heard: float = 0.0
    writing: bool = False

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self.writing = True
        try:
            yield
        finally:
            self.writing, self.heard = False, _now()


@dataclass(frozen=True)
class Command:
    """A command, and where it runs.

    Attributes:
        namespace: The pod's.
        pod: The pod.
        container: Its container.
        words: Program and arguments.
        tty: Whether it gets a terminal.
        takes_input: Whether it gets input.
    """

    namespace: str
    pod: str
    container: str
    words: tuple[str, ...]
    tty: bool = False
    takes_input: bool = False

    @property
    def target(self) -> str:
        """Path and query of the request."""
        options = {"container": self.container, "stdout": "true", "stderr": str(not self.tty).lower()}
        options |= {"stdin": str(self.takes_input).lower(), "tty": str(self.tty).lower()}
        query = urlencode([*options.items(), *(("command", word) for word in self.words)])
        return f"/api/v1/namespaces/{quote(self.namespace)}/pods/{quote(self.pod)}/exec?{query}"


async def run(
    cluster: Cluster,
    command: Command,
    write: Write,
    data: AsyncIterator[bytes] | None = None,
    sizes: AsyncIterator[tuple[int, int]] | None = None,
) -> int:
    """Run a command in a container and return its exit code.

    Args:
        cluster: The cluster.
        command: What runs where.
        write: Gets what it writes.
        data: What it is given; its end is the end of the command's input.
        sizes: Columns and rows of the terminal: now, and whenever they change.

    Raises:
        ApiError: The API server refuses: no such pod, no right.
        AuthError: It does not know us.
        NotBegunError: There was no connection, so the command was not run.
        DeployError: The command was not run, or the connection was lost before its end.
    """
    from websockets.exceptions import ConnectionClosed

    connection, life = await _connected(cluster, command), _Life()
    tasks = [asyncio.create_task(_watch(connection, life))]
    tasks += [asyncio.create_task(_send(connection, data))] if data else []
    tasks += [asyncio.create_task(_resize(connection, sizes))] if sizes else []
    try:
        async for got in connection:
            life.heard = _now()
            if not isinstance(got, bytes) or not got:
                continue
            if got[0] == Channel.ERROR:
                return exit_code(got[1:])
            if got[0] in (Channel.STDOUT, Channel.STDERR) and len(got) > 1:
                with life.at_work():
                    await write(Channel(got[0]), got[1:])
    except ConnectionClosed:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(OSError, TimeoutError):
            await connection.close()
    raise await _lost(cluster, command)


async def _connected(cluster: Cluster, command: Command) -> ClientConnection:
    return await connected(cluster, command.target, PROTOCOL, f"a command in pod {command.pod}")


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _watch(connection: ClientConnection, life: _Life) -> None:
    """Cut a connection that is silent for too long."""
    while True:
        await asyncio.sleep(PING_SECONDS)
        answer = asyncio.ensure_future(await connection.ping())
        asked = _now()
        while not answer.done():
            await asyncio.wait([answer], timeout=LOOK_SECONDS)
            if not life.writing and _now() - max(asked, life.heard) > SILENCE_SECONDS and not answer.done():
                connection.transport.abort()
                return


async def _send(connection: ClientConnection, data: AsyncIterator[bytes]) -> None:
    async for part in data:
        await connection.send(message(Channel.STDIN, part))
    await connection.send(NO_MORE_INPUT)


async def _resize(connection: ClientConnection, sizes: AsyncIterator[tuple[int, int]]) -> None:
    async for columns, rows in sizes:
        await connection.send(size_message(columns, rows))


async def _lost(cluster: Cluster, command: Command) -> DeployError:
    """Return the error for a connection that ended before its command: was it the pod?"""
    metadata = {"name": command.pod, "namespace": command.namespace}
    try:
        live = await cluster.get({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    except PosCloudError as error:
        return DeployError(f"the connection to pod {command.pod} was lost: {error.message}", hint=error.hint)
    if live is None or "deletionTimestamp" in live["metadata"]:
        return DeployError(
            f"pod {command.pod} is gone, and the command with it", hint="the same command goes to another pod"
        )
    return DeployError(
        f"the connection to pod {command.pod} was lost; whether the command still runs, nobody knows",
        hint="run it again",
    )
