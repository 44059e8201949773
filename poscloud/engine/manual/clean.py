"""``poscloud clean``: what a build left behind is cleared in a service's container, then its pods are made anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poscloud.cluster.remote.channels import Channel
from poscloud.cluster.remote.command import Command, run
from poscloud.engine.manual.change import restart
from poscloud.engine.manual.container import container_of
from poscloud.engine.manual.place import Place
from poscloud.errors import DeployError
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster

FOLDERS = (".", "/home/deploy", "/home/deploy/{service}")
"""Where the build is looked for: the container's own folder, and where the source documents keep services."""

NO_BUILD = 66
"""Exit code of the script below where no folder has a build."""

SCRIPT = f"""\
for folder; do
  [ ! -f "$folder/gradlew" ] || {{ cd "$folder" && exec sh ./gradlew --no-daemon --quiet clean; }}
done
exit {NO_BUILD}
"""

KEPT = 4096
"""Most characters of the build's output that are kept for a message."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        folder: Where the build is, in the container; empty: it is looked for.
        container: Which container; empty: the service's own.
        why: The reason.
        yes: It may be production.
    """

    folder: str = ""
    container: str = ""
    why: str = "no reason given"
    yes: bool = False


def words(service: str, folder: str) -> tuple[str, ...]:
    """Return the command that clears a build's leftovers, in a folder or in the usual ones."""
    folders = [folder] if folder else [each.format(service=service) for each in FOLDERS]
    return "sh", "-c", SCRIPT, "clean", *folders


def clean(
    root: Path, stack: str, service: str, reporter: Reporter, tell: Callable[[str], None], wanted: Wanted
) -> str:
    """Run ``gradlew clean`` in a container of a service, then restart it; return what was done.

    In one pod: leftovers that outlive a pod are on a volume all of them have, the others go with their pods.

    Args:
        root: The project's folder.
        stack: The environment.
        service: A service, or one track of a release.
        reporter: Shows progress.
        tell: Gets a line about which pod it is, and whether there was a build.
        wanted: What is asked for.

    Raises:
        PosCloudError: As of ``restart``; or there is no such container.
        DeployError: None of its pods runs, or clearing failed; nothing was restarted.
        WaitTimeoutError: It was restarted, and is not ready.
    """

    async def first(place: Place, cluster: Cluster) -> None:
        found = await container_of(place, cluster, service, wanted.container)
        tell(str(found))
        said = bytearray()

        async def write(_: Channel, data: bytes) -> None:
            said.extend(data)
            del said[:-KEPT]

        command = Command(place.stack, found.pod, found.name, words(service, wanted.folder))
        code = await run(cluster, command, write)
        if code == NO_BUILD:
            where = ", ".join(command.words[4:])
            tell(f"no gradlew in {where}: nothing of a build outlives the pods there")
        elif code:
            told = said.decode(errors="replace").strip()
            raise DeployError(
                f"clearing the build of {service} failed with {code}; nothing was restarted:\n{told}",
                hint=f"look there: poscloud shell {service} -s {stack}; only new pods: poscloud restart {service} "
                f"-s {stack}",
            )

    return restart(
        root, stack, service, reporter, why=wanted.why, yes=wanted.yes, action="clean", first=first
    )
