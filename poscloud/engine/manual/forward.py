"""``poscloud forward``: a port of a pod on this machine, for as long as it is wanted."""

from __future__ import annotations

import asyncio
import errno
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.cluster.remote.portforward import PodPort, join
from poscloud.engine.manual.asked import refuse_production
from poscloud.engine.manual.container import Container, container_of
from poscloud.engine.manual.place import Place, place_of, refuse_others
from poscloud.engine.manual.ports import port_of
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.provider.rest import ApiError

HOST = "127.0.0.1"

LOOK_SECONDS = 1.0
"""How often it is looked whether the pod is still there."""

AT_ONCE = 128
"""Connections at the same time: each is one to the API server as well."""

RESERVED = 1024
"""Ports below are not every user's: another one is taken for them."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        service: A service, a backing service, or one track of a release.
        port: A number or name; empty: the first that its container declares.
        local: The port on this machine; 0: any; ``None``: the same number where it is free, else any.
        yes: It may be production.
    """

    service: str
    port: str = ""
    local: int | None = None
    yes: bool = False


def forward(
    root: Path, stack: str, reporter: Reporter, tell: Tell, ready: Callable[[str], None], wanted: Wanted
) -> None:
    """Forward a port of this machine to one of a pod of a service, until interrupted.

    Args:
        root: The project's folder.
        stack: The environment.
        reporter: Shows progress.
        tell: Gets a line about which pod it is, and what became of it.
        ready: Gets the address on this machine, ``127.0.0.1:8080``, once it is there.
        wanted: What is asked for.

    Raises:
        PosCloudError: There is no such service or port, it is production, or the local port is taken.
        DeployError: It sleeps, or none of its pods runs.
        AuthError: This user may not.
    """
    place = place_of(root, stack, reporter)
    refuse_production(place, yes=wanted.yes)
    asyncio.run(Forward(place, place.cluster(), tell, wanted).run(ready))


class Forward:
    """A port that leads to whichever pod of a service is there.

    Args:
        place: Where the environment is.
        cluster: Its cluster.
        tell: Gets what a person is to know.
        wanted: What is asked for.
    """

    def __init__(self, place: Place, cluster: Cluster, tell: Tell, wanted: Wanted) -> None:
        self._place, self._cluster, self._tell, self._wanted = place, cluster, tell, wanted
        self._pod: Container | None = None
        self._number = 0
        self._joined: dict[asyncio.Task[Any], Container] = {}
        self._told = ""
        self._refused: PosCloudError | None = None
        self._refusal = asyncio.Event()

    async def run(self, ready: Callable[[str], None]) -> None:
        """Forward until cancelled; errors as of ``forward``."""
        await refuse_others(self._place, self._cluster)
        await self._choose()
        server = await self._listen()
        address = f"{HOST}:{server.sockets[0].getsockname()[1]}"
        self._tell(f"{address} leads to port {self._number}; Ctrl-C ends it")
        ready(address)
        try:
            while self._refused is None:
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._refusal.wait(), LOOK_SECONDS)
            raise self._refused
        finally:
            server.close()
            await self._cut(set(self._joined))

    async def _choose(self) -> None:
        """Take a pod, and say which."""
        found = await container_of(self._place, self._cluster, self._wanted.service, "")
        live = await self._live(found)
        if live is None:
            raise DeployError(f"pod {found.pod} is gone", hint="run it again")
        self._number = await port_of(
            self._cluster, live, found.name, self._wanted.service, self._wanted.port, self._tell
        )
        self._pod = found
        self._say(str(found))

    async def _listen(self) -> asyncio.Server:
        wanted = self._wanted.local
        first = (self._number if self._number >= RESERVED else 0) if wanted is None else wanted
        try:
            return await asyncio.start_server(self._serve, HOST, first)
        except (OSError, OverflowError) as error:
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            if wanted is None and taken:
                return await asyncio.start_server(self._serve, HOST, 0)
            why = "is taken by another program" if taken else "cannot be had"
            raise PosCloudError(
                f"port {first} of this machine {why}", hint="another one: --local PORT; any: --local 0"
            ) from None

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Lead one local connection to the pod."""
        task, pod = asyncio.current_task(), self._pod
        try:
            if pod is None or task is None:
                self._say(f"no pod of {self._wanted.service} runs: a connection was closed")
            elif len(self._joined) >= AT_ONCE:
                self._say(f"more than {AT_ONCE} connections at once: the further ones are closed")
            else:
                self._joined[task] = pod
                await join(self._cluster, PodPort(self._place.stack, pod.pod, self._number), reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # it is told why; a server's own task must not end as cancelled
        except PosCloudError as error:
            if isinstance(error, AuthError) or (isinstance(error, ApiError) and error.status == 403):
                self._refused = error  # the next connection would be refused as well
                self._refusal.set()
            else:
                self._say(f"{error.message}{f'; {error.hint}' if error.hint else ''}")
        finally:
            if task:
                self._joined.pop(task, None)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _look(self) -> None:
        """See to it that connections lead to a pod that is there."""
        try:
            for pod in {each.uid: each for each in self._joined.values()}.values():
                if pod != self._pod and await self._live(pod) is None:
                    await self._leave(pod)
            if self._pod and (live := await self._live(self._pod)) is not None and _serves(live):
                return
            if self._pod:
                pod, self._pod = self._pod, None
                await self._leave(pod) if live is None else self._say(f"pod {pod.pod} ends")
            await self._choose()
        except DeployError as error:  # none runs just now, or the cluster does not answer
            self._say(f"{error.message}; waiting")
        except ApiError as error:
            if error.status != 429 and error.status < 500:
                raise
            self._say(f"{error.message}; waiting")  # the API server is not well just now

    async def _leave(self, pod: Container) -> None:
        """Cut the connections to a pod that is gone."""
        lost = {task for task, other in self._joined.items() if other == pod}
        also = f", and {len(lost)} connection{'' if len(lost) == 1 else 's'} with it" if lost else ""
        self._say(f"pod {pod.pod} is gone{also}")
        await self._cut(lost)

    async def _cut(self, tasks: set[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, pod: Container) -> dict[str, Any] | None:
        """Return a pod, or ``None`` when it is gone."""
        path = f"/api/v1/namespaces/{self._place.stack}/pods/{pod.pod}"
        try:
            live = await self._cluster.client.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return live if live["metadata"]["uid"] == pod.uid else None

    def _say(self, text: str) -> None:
        """Tell something, once while nothing else is told."""
        if text != self._told:
            self._tell(text)
        self._told = text


def _serves(live: dict[str, Any]) -> bool:
    """Whether a pod takes connections: it is not being deleted, and has not ended."""
    return not get(live, "metadata", "deletionTimestamp") and get(live, "status", "phase") == "Running"
