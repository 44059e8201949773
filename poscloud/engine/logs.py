"""The logs of services of an environment, as a person asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from poscloud.cluster.watching.logs.follower import Follower
from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.read import read_all
from poscloud.cluster.watching.logs.source import Source, folder_of, has_begun, is_running, sources_of
from poscloud.cluster.watching.namespace import Namespace
from poscloud.cluster.watching.services import Service
from poscloud.engine import watching
from poscloud.errors import UsageError

LAST_LINES = 100
"""Lines of each pod that are shown where nothing else is said."""

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Wanted:
    """Which lines.

    Attributes:
        services: Whose.
        follow: Whether those that are still to come, too.
        since: How old at most: ``10m``; empty for any.
        previous: Whether of the run before the last restart.
        tail: How many of each pod; -1 for all, ``None`` for the usual number.
        container: Of which container, or ``all``; empty for the main one.
        files: Whether those in log files, too.
    """

    services: tuple[str, ...]
    follow: bool = False
    since: str = ""
    previous: bool = False
    tail: int | None = None
    container: str = ""
    files: bool = True

    def query(self) -> dict[str, str]:
        """Return it as the API takes it.

        Raises:
            UsageError: It is no duration, or does not fit together.
        """
        if self.follow and self.previous:
            raise UsageError(
                "--previous has an end, and cannot be followed", hint="leave -f or --previous out"
            )
        found = {"previous": "true"} if self.previous else {}
        if self.since:
            found["sinceSeconds"] = str(seconds_of(self.since, "--since"))
        tail = self.tail if self.tail is not None else (-1 if self.since else LAST_LINES)
        if tail >= 0:
            found["tailLines"] = str(tail)
        return found


def seconds_of(text: str, option: str) -> int:
    """Return a duration: ``90s``, ``10m``, ``2h``, ``3d``.

    Raises:
        UsageError: It is none.
    """
    number, unit = text[:-1], text[-1:]
    if not (number.isdecimal() and unit in SECONDS and int(number) > 0):
        raise UsageError(
            f"{option}: '{text}' is no duration: a whole number and s, m, h or d", hint=f"{option} 10m"
        )
    return int(number) * SECONDS[unit]


async def show_logs(
    root: Path,
    stack: str,
    wanted: Wanted,
    show: Callable[[Sequence[Line]], None],
    note: Callable[[str], None],
) -> int:
    """Show logs of services, and return the exit code: 1 where there is none to show.

    Raises:
        UsageError: There is no such service or container, or the options do not fit together.
        PosCloudError: The cluster does not answer, or not to this user.
    """
    query, namespace = wanted.query(), watching.namespace_of(root, stack)
    services = await watching.services(root, namespace, wanted.services)
    files = wanted.files and not wanted.previous and namespace.target.runs_commands
    if wanted.follow:
        names = [service.name for service in services]
        await Follower(namespace, names, wanted.container, query, show, note, files=files).run()
    lines = await lines_of_services(namespace, services, wanted.container, query, note, files=files)
    show(lines)
    return 0 if lines else 1


async def lines_of_services(
    namespace: Namespace,
    services: Sequence[Service],
    container: str,
    query: dict[str, str],
    note: Callable[[str], None],
    *,
    files: bool,
) -> list[Line]:
    """Return the lines of all pods of services, in order; those without a log are noted."""
    sources, folders = [], []
    for service in services:
        if not service.pods:
            note(f"{service.name} has no pods")
        for pod in service.pods:
            begun = [each for each in sources_of(pod, container) if has_begun(pod, each.container)]
            sources += begun
            folders += [
                (each, folder)
                for each in begun
                if files and is_running(pod, each.container) and (folder := folder_of(pod, each.container))
            ]
            if not begun:
                note(
                    f"{pod['metadata']['name']} has not begun: poscloud why {service.name} -e {namespace.name}"
                )
    return await lines_of(namespace, sources, folders, query, note)


async def lines_of(
    namespace: Namespace,
    sources: Sequence[Source],
    folders: Sequence[tuple[Source, str]],
    query: dict[str, str],
    note: Callable[[str], None],
    unsaid: Collection[int] = (),
) -> list[Line]:
    """Return the lines that containers wrote to stdout, and to log files in their folders, in order."""
    if not folders:
        return await read_all(namespace, sources, query, note, unsaid)
    from poscloud.cluster.watching.logs.files import read_files

    printed, written = await asyncio.gather(
        read_all(namespace, sources, query, note, unsaid), read_files(namespace, folders, query, note)
    )
    return sorted([*printed, *written], key=lambda line: line.time)
