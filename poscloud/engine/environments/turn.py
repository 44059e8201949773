"""Waiting for room, in the cluster: the ticket is the copy's own namespace, and the API server's clock makes the order.

Three steps, so that there are never more copies than there may be, whatever the machines' clocks say. Who finds room
says that it takes it; looks once more, at all others that have said so meanwhile; and then is in, or takes it back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from poscloud.engine.deploy import Prepared
from poscloud.engine.environments import queue
from poscloud.engine.environments.expiry import read, written
from poscloud.engine.environments.listing import annotation, namespaces
from poscloud.engine.environments.queue import Copy, Limit, Refusal
from poscloud.engine.recovery import is_built_in
from poscloud.engine.stackconfig import project_name
from poscloud.errors import DeployError, PosCloudError
from poscloud.load import load_environment
from poscloud.local.progress import Reporter
from poscloud.provider import config
from poscloud.provider.crud import new_manager
from poscloud.provider.rest import MERGE, ApiError, Client
from poscloud.render import Manifest, names
from poscloud.render.environment import render_base
from poscloud.spec.lifetime import in_words

LOOK_SECONDS = 5.0
"""Seconds between two looks whether there is room."""

SIGN_SECONDS = 20.0
"""Seconds between two signs of life."""

SAME_SECOND = 1.0
"""Seconds after which no ticket of the same second, which may be before this one, can still appear."""

GOING_SECONDS = 60.0
"""How long a namespace of the same name that is being deleted may take to disappear."""

AGAIN_SECONDS = 0.2
"""Seconds until the next try where somebody else was at the same namespace."""

LEAVE_TRIES = 3

MANAGER = "poscloud"
"""Field manager of what stays when the engine makes the namespace its own."""

Object = dict[str, Any]


def take_turn(
    prepared: Prepared, root: Path, limits: Sequence[Limit], reporter: Reporter, *, wait: float
) -> str:
    """Make a copy's namespace as soon as the limits leave room for it; one that is there already needs none.

    Args:
        prepared: The copy's stack.
        root: The project's folder.
        limits: The limits for it; with none, nothing is done.
        reporter: Gets progress.
        wait: How long to wait for room, in seconds.

    Returns:
        The uid of the namespace that was let in; empty where this run let none in.

    Raises:
        PosCloudError: There is no room, or somebody removed the copy's place; nothing is left of it.
    """
    if not limits:
        return ""
    project, target = project_name(root), prepared.target
    namespace = render_base(load_environment(root, prepared.stack), project).manifests[0]
    if target.uid:
        namespace["metadata"]["annotations"][names.CLUSTER_ANNOTATION] = target.uid
    access = config.load({"kubeconfig": str(target.kubeconfig), "context": target.context})
    # Of the official plugin, a namespace that is there already is refused.
    tickets = is_built_in(prepared.pulumi)
    with reporter.step(f"room for {prepared.stack}"):
        turn = Turn(Client(access), project, namespace, limits, reporter)
        asyncio.run(turn.take(wait) if tickets else turn.look_only(wait))
    return turn.let_in


class Turn:
    """One copy's turn.

    Args:
        client: The cluster.
        project: The Pulumi project whose copies count.
        namespace: The copy's Namespace, as the engine will make it.
        limits: The limits for it.
        reporter: Gets progress.

    Attributes:
        let_in: The uid of the namespace once it is let in by this run; empty before.
    """

    def __init__(
        self, client: Client, project: str, namespace: Manifest, limits: Sequence[Limit], reporter: Reporter
    ) -> None:
        self._client, self._project, self._limits, self._reporter = client, project, limits, reporter
        self._wanted = namespace
        self._name = str(namespace["metadata"]["name"])
        self._path = f"/api/v1/namespaces/{self._name}"
        # One of the provider's: what it has set becomes the engine's own, and goes when it is not described.
        self._manager = new_manager({})
        self._live: Object = {}
        self._joined = self._said = 0.0
        self._ahead = timedelta()
        self._waited = False
        self.let_in = ""

    @property
    def _now(self) -> datetime:
        """The API server's time, as far as it is known: tickets are compared by it."""
        return datetime.now(UTC) + self._ahead

    async def take(self, wait: float) -> None:
        """Wait until there is room, and leave the namespace let in; leave nothing where that does not come about.

        Args:
            wait: How long, in seconds.

        Raises:
            PosCloudError: There is no room; or somebody removed the place in the queue.
        """
        deadline, self._waited = time.monotonic() + wait, wait > 0
        copies = await self._look()
        mine = next((copy for copy in copies if copy.name == self._name), None)
        if mine and mine.sign is None and not mine.deleting:
            return
        waiting = mine if mine and mine.waits(self._now) else None
        if not wait and (full := self._full(waiting or self._newcomer(), copies)):
            raise full.error(self._now)
        try:
            await self._join(waiting=waiting is not None)
            await self._stand(deadline)
        except BaseException:
            await self._leave()
            raise

    async def look_only(self, wait: float) -> None:
        """Wait until there is room, without a place in the queue; arguments and errors as in ``take``."""
        deadline, self._waited = time.monotonic() + wait, wait > 0
        while True:
            copies = await self._look()
            if any(copy.name == self._name for copy in copies):
                return
            if not (full := self._full(self._newcomer(), copies)):
                return
            await self._pause(full, deadline, "has no place in the queue with this provider")

    async def _stand(self, deadline: float) -> None:
        """Stand in the queue until the copy is in."""
        while True:
            copies = await self._look()
            mine = queue.copy_in(self._live)
            if mine.sign is None:  # the same one was brought up by somebody meanwhile
                return
            self._refuse_passed_on()
            # Let in: it could not be finished, nor taken back, as somebody else wrote at the same time. Gone: this
            # machine slept, or the server was away, and so perhaps nobody counts here yet that will.
            if mine.let_in or mine.is_gone(self._now):
                await self._write(self._sign | {names.LET_IN_ANNOTATION: None})
                continue
            order = queue.rivals(mine, copies, self._now)
            early = SAME_SECOND - (time.monotonic() - self._joined)
            if len(order) > 1 and early > 0:
                await asyncio.sleep(early)
                continue
            full = self._full(mine, copies)
            if not full and await self._enter(mine):
                return
            if not full:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            place = f"{queue.ordinal(queue.place(mine, copies, self._now))} of {len(order)}"
            await self._pause(full, deadline, place)
            await self._say()

    async def _enter(self, mine: Copy) -> bool:
        """Take the room that was seen; whether it was still there with all others that take some looked at."""
        if not await self._write(self._sign | {names.LET_IN_ANNOTATION: written(self._now)}):
            return False
        copies = await self._look()
        # Whom the others take for gone they do not see.
        if self._full(mine, copies) or queue.copy_in(self._live).is_gone(self._now):
            await self._write({names.LET_IN_ANNOTATION: None})
            return False
        self._refuse_passed_on()
        # Its lifetime counts from here. This is kept, as what is written by whoever extends it.
        changes = {names.WAITING_ANNOTATION: None, names.WAITS_FOR_ANNOTATION: None}
        if not await self._write({**changes, names.ACTIVE_ANNOTATION: written(self._now)}, manager=MANAGER):
            return False
        self.let_in = str(self._live["metadata"]["uid"])
        return True

    @property
    def _sign(self) -> dict[str, str | None]:
        """A sign of life, as of now."""
        return {names.WAITING_ANNOTATION: written(self._now)}

    def _refuse_passed_on(self) -> None:
        """Make sure that the place is this run's: who writes the sign of life has it.

        Raises:
            DeployError: Another run of the same command has it now.
        """
        if not queue.annotated_by(self._live, self._manager, names.WAITING_ANNOTATION):
            raise DeployError(
                f"the place of {self._name} in the queue is now that of another run of the same command",
                hint="look there; where both ran by mistake, the later one goes on",
            )

    async def _pause(self, full: Refusal, deadline: float, place: str) -> None:
        """Wait for the next look.

        Raises:
            PosCloudError: The time is up.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            raise full.error(self._now, waited=self._waited)
        self._reporter.update(f"{place}, waits {in_words(left)} at most")
        await asyncio.sleep(min(LOOK_SECONDS, left))

    async def _look(self) -> list[Copy]:
        """Return all copies of the project.

        Raises:
            DeployError: The place in the queue is no longer there.
        """
        found = await namespaces(self._client, self._project)
        if self._live:
            uid = self._live["metadata"]["uid"]
            own = next((item for item in found if item["metadata"]["uid"] == uid), None)
            if own is None or "deletionTimestamp" in own["metadata"]:
                raise self._removed()
            self._live = own
        return [queue.copy_in(item) for item in found if annotation(item, names.COPY_ANNOTATION)]

    def _full(self, mine: Copy, copies: Sequence[Copy]) -> Refusal | None:
        return queue.refusal(mine, self._limits, copies, self._now)

    def _newcomer(self) -> Copy:
        return queue.newcomer(
            self._name,
            annotation(self._wanted, names.COPY_ANNOTATION),
            annotation(self._wanted, names.TEAM_ANNOTATION),
        )

    async def _join(self, *, waiting: bool) -> None:
        """Take a place in the queue: at its end, or the one that the same copy has there."""
        kinds = ",".join(limit.kind for limit in self._limits)
        ticket = {names.WAITING_ANNOTATION: written(self._now), names.WAITS_FOR_ANNOTATION: kinds}
        meta = self._wanted["metadata"]
        annotations: dict[str, str | None] = {**meta["annotations"], **ticket}
        if waiting:
            self._live = await self._client.request("GET", self._path)
            if annotation(self._live, names.WAITING_ANNOTATION) and await self._write(annotations):
                self._joined = time.monotonic()
                # The same second as in the sign of who was there before changes nothing, and so not whose it is.
                while not queue.annotated_by(self._live, self._manager, names.WAITING_ANNOTATION):
                    await asyncio.sleep(AGAIN_SECONDS)
                    await self._look()
                    if not annotation(self._live, names.WAITING_ANNOTATION):
                        return
                    await self._write(self._sign)
                return
            self._live = {}
        body = {**self._wanted, "metadata": {**meta, "annotations": annotations}}
        query = {"fieldManager": self._manager, "fieldValidation": "Strict"}
        deadline = time.monotonic() + GOING_SECONDS
        while True:
            try:
                self._wrote(await self._client.request("POST", "/api/v1/namespaces", query, body))
            except ApiError as error:
                if error.reason != "AlreadyExists" or time.monotonic() > deadline:
                    raise
                await self._clear()
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            self._joined = time.monotonic()
            return

    async def _clear(self) -> None:
        """Remove the ticket of an earlier run that was killed, if it is that which has the copy's name.

        Raises:
            DeployError: It is something else, which somebody made just now.
        """
        live = await self._get()
        if not live or "deletionTimestamp" in live["metadata"]:
            return
        if not queue.copy_in(live).is_gone(self._now) or not _is_same(live, self._wanted):
            raise DeployError(
                f"namespace {self._name} was made by another run just now; nothing was made",
                hint="run the same command again",
            )
        await self._delete(live)

    async def _say(self) -> None:
        """Say every now and then that this one still waits."""
        if time.monotonic() - self._said >= SIGN_SECONDS:
            await self._write(self._sign)

    async def _write(self, annotations: dict[str, str | None], *, manager: str = "") -> bool:
        """Change annotations of the ticket as it was last seen; ``False`` when it was changed since."""
        meta = self._live["metadata"]
        body = {
            "metadata": {
                "uid": meta["uid"],
                "resourceVersion": meta["resourceVersion"],
                "annotations": annotations,
            }
        }
        query = {"fieldManager": manager or self._manager}
        try:
            self._wrote(await self._client.request("PATCH", self._path, query, body, MERGE))
        except ApiError as error:
            if error.status == 404:
                raise self._removed() from None
            if error.status != 409:
                raise
            return False
        return True

    def _wrote(self, live: Object) -> None:
        before = (self._live.get("metadata") or {}).get("resourceVersion")
        self._live, self._said = live, time.monotonic()
        if live["metadata"]["resourceVersion"] == before:
            return  # nothing was changed, and so no time was written
        entries = live["metadata"].get("managedFields") or []
        newest = max((moment for e in entries if (moment := read(e.get("time")))), default=None)
        self._ahead = newest - datetime.now(UTC) if newest else self._ahead

    async def _leave(self) -> None:
        """Give the place in the queue up, or the room, if this run has it, and whatever went wrong."""
        try:
            for _ in range(LEAVE_TRIES):
                live = await self._get()
                # Who took the place over has written `waiting`. Without it, the last answer of being let in was lost.
                said = names.WAITING_ANNOTATION
                said = said if annotation(live, said) else names.LET_IN_ANNOTATION
                if not queue.annotated_by(live, self._manager, said):
                    return
                if await self._delete(live):
                    return
        except PosCloudError as error:
            self._reporter.note(
                f"{self._name} is still in the queue ({error.message}); nobody waits for it for longer than "
                f"{queue.ALIVE.seconds} s, and poscloud env sweep removes it"
            )

    async def _get(self) -> Object:
        try:
            return await self._client.request("GET", self._path)
        except ApiError as error:
            if error.status != 404:
                raise
            return {}

    async def _delete(self, live: Object) -> bool:
        """Delete a namespace as it was just seen; ``False`` when it was changed since."""
        meta = live["metadata"]
        only = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": only}
        try:
            await self._client.request("DELETE", self._path, body=body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            return error.status == 404
        return True

    def _removed(self) -> DeployError:
        self._live = {}
        return DeployError(
            f"the place of {self._name} in the queue was removed by somebody (poscloud env destroy, or a sweep)",
            hint="to wait again, at the end: the same command",
        )


def _is_same(live: Object, wanted: Object) -> bool:
    """Whether two Namespaces belong to the same stack."""
    stamps = [annotation(item, names.STACK_ANNOTATION) for item in (live, wanted)]
    return stamps[0] == stamps[1]
