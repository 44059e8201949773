"""``poscloud exec`` and ``poscloud shell``: being in a container, recorded where that may change something."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from poscloud.cluster.remote import terminal
from poscloud.cluster.remote.command import Command, run
from poscloud.cluster.remote.connection import NotBegunError
from poscloud.engine.environments.asked import owner
from poscloud.engine.environments.expiry import written
from poscloud.engine.manual.asked import end_of, refuse_production
from poscloud.engine.manual.container import Container, container_of
from poscloud.engine.manual.entry import POD, Entry
from poscloud.engine.manual.ledger import Ledger, with_entry, without
from poscloud.engine.manual.place import Place, place_of, refuse_others
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError

SHELL = "command -v bash >/dev/null 2>&1 && exec bash; exec sh"
"""What a shell is, whatever the image has of it."""


class NothingDoneError(DeployError):
    """A command in a container failed, and left everything there as it was."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        action: ``exec``, ``shell`` or ``cp``, for the ledger.
        words: Program and arguments.
        container: Which container; empty: the service's own.
        tty: Whether it gets a terminal.
        takes_input: Whether it gets this process's input.
        recorded: Whether it may change something that is to be put back.
        lasts: For how long, ``2h``; empty: until the next ``up``.
        why: The reason.
        yes: It may be production.
    """

    action: str
    words: tuple[str, ...]
    container: str = ""
    tty: bool = False
    takes_input: bool = False
    recorded: bool = False
    lasts: str = ""
    why: str = "no reason given"
    yes: bool = False


def shell_words(terminal_kind: str) -> tuple[str, ...]:
    """Return the command that is a shell: bash where there is one.

    Args:
        terminal_kind: What TERM is here; the programs of the shell get to know.
    """
    known = terminal_kind.replace("-", "").replace(".", "").replace("+", "").isalnum()
    return "sh", "-c", f"TERM={terminal_kind if known else 'dumb'}; export TERM; {SHELL}"


def visit(
    root: Path, stack: str, service: str, reporter: Reporter, tell: Callable[[str], None], wanted: Wanted
) -> int:
    """Run a command in a container of a service, joined to this process's terminal or output; return its exit code.

    Args:
        root: The project's folder.
        stack: The environment.
        service: A service, a backing service, or one track of a release.
        reporter: Shows progress.
        tell: Gets a line about which pod it is, and what is recorded.
        wanted: What is asked for.

    Raises:
        PosCloudError: There is no such service or container, it is production, or the environment is not this stack's.
        DeployError: It sleeps, none of its pods runs, the command was not run, or the connection was lost.
    """
    end = end_of(wanted.lasts)
    place = place_of(root, stack, reporter)
    refuse_production(place, yes=wanted.yes)
    return asyncio.run(_visit(place, service, tell, wanted, end))


async def _visit(
    place: Place, service: str, tell: Callable[[str], None], wanted: Wanted, end: datetime | None
) -> int:
    async def joined(cluster: Cluster, found: Container) -> int:
        command = Command(
            place.stack, found.pod, found.name, wanted.words, tty=wanted.tty, takes_input=wanted.takes_input
        )
        return await _joined(cluster, command)

    return await in_container(place, service, tell, wanted, end, joined)


async def in_container(
    place: Place,
    service: str,
    tell: Callable[[str], None],
    wanted: Wanted,
    end: datetime | None,
    work: Callable[[Cluster, Container], Awaitable[int]],
) -> int:
    """Do something in a container of a service, recorded before if that is wanted; return what ``work`` returns.

    Args:
        place: Where the environment is.
        service: A service, a backing service, or one track of a release.
        tell: Gets a line about which pod it is, and what is recorded.
        wanted: Which container, and what is recorded.
        end: Until when what is recorded stays; ``None``: until the next ``up``.
        work: Is given the container; raises ``NothingDoneError`` where it left everything as it was.

    Raises:
        PosCloudError: As ``visit``.
    """
    cluster = place.cluster()
    await refuse_others(place, cluster)
    found = await container_of(place, cluster, service, wanted.container)
    entry = _entry(place, found, wanted, end) if wanted.recorded else None
    tell(str(found))
    ledger = Ledger(cluster, place.stack)
    if entry:
        await ledger.write(with_entry(entry))
        until = f"until {written(end)}" if end else "until the next up"
        tell(f"recorded: what is changed in it stays {until}, when the pod is replaced")
    try:
        return await work(cluster, found)
    except PosCloudError as error:
        if entry and _never_ran(error):
            await ledger.write(without(entry))
        if isinstance(error, ApiError) and error.status == 404:
            raise DeployError(
                f"pod {found.pod} is gone", hint="the same command goes to another pod"
            ) from None
        raise


async def _joined(cluster: Cluster, command: Command) -> int:
    """Run a command with this process's terminal, or its input and output."""
    with terminal.ended_by_signals():
        data = terminal.read_input() if command.takes_input else None
        if not command.tty:
            return await run(cluster, command, terminal.write, data)
        with terminal.raw():
            return await run(cluster, command, terminal.write, data, terminal.sizes())


def _never_ran(error: PosCloudError) -> bool:
    """Whether nothing can have been changed: it was refused, never connected, or the node could not run it."""
    refused = isinstance(error, ApiError) and 400 <= error.status < 500
    return (
        refused
        or isinstance(error, (AuthError, NotBegunError, NothingDoneError))
        or error.message.startswith("the command was not run")
    )


def _entry(place: Place, found: Container, wanted: Wanted, end: datetime | None) -> Entry:
    return Entry(
        action=wanted.action,
        api_version="v1",
        kind=POD,
        name=found.pod,
        changes=(),
        who=owner(os.environ, place.root),
        why=wanted.why,
        at=datetime.now(UTC).replace(microsecond=0),
        until=end,
        uid=found.uid,
        container=found.name,
    )
