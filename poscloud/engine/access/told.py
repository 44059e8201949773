"""What ``destroy`` says of access that goes with an environment, and what ``up`` refuses because of it."""

from __future__ import annotations

import asyncio

from poscloud.cluster.target import Target
from poscloud.engine.access.members import Team, recorded
from poscloud.engine.manual.around import ANSWER_SECONDS
from poscloud.engine.manual.requests import cluster_of
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.progress import Reporter
from poscloud.spec import EnvironmentSpec
from poscloud.spec.teams import WITH_ACCOUNT


def tell(target: Target, stack: str, mark: str, reporter: Reporter) -> None:
    """Say in one line each which access ends with an environment; where that cannot be read, nothing.

    Args:
        target: Its cluster.
        stack: The environment.
        mark: ``project/stack``.
        reporter: Gets the lines.
    """

    async def ask() -> list[Team]:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await recorded(cluster_of(target), stack, mark)

    try:
        found = asyncio.run(ask())
    except (PosCloudError, TimeoutError):
        return
    for team in found:
        reporter.note(f"access ends with it: {team}")


def refuse_rights(target: Target, spec: EnvironmentSpec, mark: str) -> None:
    """Refuse an account of the whole cluster where teams that got access by hand could act as it.

    Nothing is asked where the description has none; where this user may not list teams, none are known.

    Args:
        target: Its cluster.
        spec: The environment's description.
        mark: ``project/stack``.

    Raises:
        DeployError: There is such a team; nothing was changed.
        PosCloudError: The cluster does not answer.
    """
    held = sorted(name for name, part in spec.services.items() if part.kind in WITH_ACCOUNT)
    if not held:
        return
    for team in asyncio.run(recorded(cluster_of(target), spec.name, mark)):
        if team.by and team.may:
            raise DeployError(
                f"team {team.name} ({team.by}) may {' and '.join(team.may)} in {spec.name}, and would get the rights "
                f"that the pods of '{held[0]}' have in the whole cluster; nothing was changed",
                hint=f"poscloud access delete {team.name} -s {spec.name}; or another environment for '{held[0]}'",
            )
