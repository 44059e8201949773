"""``poscloud access create``, ``list`` and ``delete``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from poscloud.engine.access.byhand import give
from poscloud.engine.access.grants import Grant, issue, revoke
from poscloud.engine.access.kubeconfig import kubeconfig, write
from poscloud.engine.access.members import Team, teams_of
from poscloud.engine.description import may_be_production
from poscloud.engine.environments.asked import owner
from poscloud.engine.environments.expiry import written
from poscloud.engine.manual.place import Place, place_of, refuse_others
from poscloud.errors import AuthError, PosCloudError
from poscloud.load import known_stacks, load_environment
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError
from poscloud.render.teams import RBAC, account
from poscloud.spec.lifetime import in_words, seconds
from poscloud.spec.references import nearest
from poscloud.spec.teams import RIGHTS, WITH_ACCOUNT, Right, check_team

SHORTEST = 600
"""Seconds; the API server gives no token for less (TokenRequest)."""

STDOUT = "-"
"""Instead of a file's name: the kubeconfig is printed, with its token."""

SLACK = 60
"""Seconds by which a token may end earlier than was asked for without a word about it."""


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        team: The team.
        ttl: How long its kubeconfig is to work, ``8h``.
        file: Where it goes; ``-``: it is printed; empty: a file in .poscloud.
        may: Rights of a team that the description does not have; ``None``: none, or those it has already.
        yes: It may be production.
    """

    team: str
    ttl: str
    file: str = ""
    may: tuple[Right, ...] | None = None
    yes: bool = False


@dataclass(frozen=True)
class Made:
    """What was made.

    Attributes:
        team: The team, with its new kubeconfig.
        grant: That kubeconfig.
        file: Where it is; ``None``: nowhere.
        shorter: In words how long was asked for, where the API server gave less; otherwise empty.
        text: The kubeconfig, with its token.
    """

    team: Team
    grant: Grant
    file: Path | None
    shorter: str
    text: str = field(repr=False)


def rights(given: str) -> tuple[Right, ...]:
    """Return the rights of ``--may shell,change``.

    Raises:
        PosCloudError: One is none.
    """
    wanted = [word.strip() for word in given.split(",") if word.strip()]
    for word in wanted:
        if word not in RIGHTS:
            raise PosCloudError(
                f"--may: '{word}' is no right; there are {', '.join(RIGHTS)}",
                hint=nearest(word, RIGHTS) or "without --may a team may look",
            )
    return tuple(right for right in RIGHTS if right in wanted)


def create(root: Path, stack: str, asked: Asked, reporter: Reporter) -> Made:
    """Make a kubeconfig for a team, and the team's access where nobody has described it.

    Args:
        root: The project's folder.
        stack: The environment.
        asked: What is asked for.
        reporter: Shows progress.

    Raises:
        StackNotFoundError: There is no such environment.
        PosCloudError: A name or time is none; the team is described otherwise; or it is production, and nobody said
            ``yes``. Nothing was made.
        AuthError: The API server refuses, for example rights that this user has not himself.
    """
    _check_name(asked.team)
    lasts = _seconds(asked.ttl)
    place = place_of(root, stack, reporter)
    _refuse_production(place, yes=asked.yes)
    with _as_allowed(stack):
        return asyncio.run(_create(place, asked, lasts))


def teams(root: Path, stack: str, reporter: Reporter) -> list[Team]:
    """Return the teams with access to an environment; arguments and errors as of ``create``."""
    place = place_of(root, stack, reporter)

    async def ask() -> list[Team]:
        cluster = place.cluster()
        await refuse_others(place, cluster)
        return await teams_of(cluster, stack, place.mark)

    with _as_allowed(stack):
        return asyncio.run(ask())


def delete(root: Path, stack: str, team: str, reporter: Reporter, *, yes: bool) -> tuple[Team, int]:
    """Take away all kubeconfigs of a team, and its access where it was given by hand.

    Returns:
        The team as it was, and how many kubeconfigs worked until now.

    Raises:
        PosCloudError: There is no such team, or it is production, and nobody said ``yes``; nothing was done.
        AuthError: The API server refuses.
    """
    place = place_of(root, stack, reporter)
    _refuse_production(place, yes=yes)
    with _as_allowed(stack):
        return asyncio.run(_delete(place, team))


@contextmanager
def _as_allowed(stack: str) -> Iterator[None]:
    """Tell who lacks the right how to ask for it."""
    try:
        yield
    except ApiError as error:
        if error.status != 403:
            raise
        raise AuthError(
            error.message,
            hint=f"an administrator may give the right: poscloud access --user NAME -n {stack} --teams | "
            "kubectl apply -f -",
        ) from None


async def _create(place: Place, asked: Asked, lasts: int) -> Made:
    cluster, who = place.cluster(), owner(os.environ, place.root)
    file = _file(place, asked)  # before anything is made
    await refuse_others(place, cluster)
    known = await _live(cluster, place, asked.team)
    may = known.may if known and asked.may is None else asked.may or ()
    if may:
        await _refuse_accounts(cluster, place)
    if known is None:
        _refuse_undeployed(place, asked.team)
        await give(cluster, place.stack, asked.team, may, who)
    elif known.by:  # whole again, if a run was killed half way
        await give(cluster, place.stack, asked.team, may, who)
    elif may != known.may:
        _refuse_described(place, known)
    await revoke(cluster, place.stack, asked.team, over=True)
    grant = await issue(cluster, place.stack, asked.team, lasts, who)
    try:
        text = kubeconfig(cluster.access, place.stack, f"{place.stack}-{account(asked.team)}", grant.token)
        if file:
            write(file, text)
        team = await _live(cluster, place, asked.team)
    except BaseException:
        with suppress(PosCloudError):
            await _remove(cluster, f"/api/v1/namespaces/{place.stack}/secrets/{grant.name}")
        raise
    assert team
    return Made(team, grant, file, shorter(lasts, grant.until, datetime.now(UTC)), text)


def shorter(asked: int, until: datetime, now: datetime) -> str:
    """Return in words how many seconds were asked for, where the API server gave less; otherwise empty."""
    return in_words(asked) if until < now + timedelta(seconds=asked - SLACK) else ""


def _refuse_described(place: Place, team: Team) -> None:
    raise PosCloudError(
        f"what team {team.name} may do is described with {place.stack}: may: [{', '.join(team.may)}]",
        hint=f"change `access` in stacks/{place.stack}.yaml, then: poscloud up -s {place.stack}",
    )


async def _delete(place: Place, name: str) -> tuple[Team, int]:
    cluster = place.cluster()
    await refuse_others(place, cluster)
    found = {team.name: team for team in await teams_of(cluster, place.stack, place.mark)}
    if name not in found:
        raise PosCloudError(
            f"no team '{name}' has access to {place.stack}",
            hint=nearest(name, found) or f"there are: {', '.join(found) or 'none'}",
        )
    # The account last: by it the team is known, and the same command goes on after one that was killed.
    gone = await revoke(cluster, place.stack, name)
    if found[name].by:
        space, rbac = f"namespaces/{place.stack}", f"/apis/{RBAC}/v1"
        for path in (
            f"{rbac}/{space}/rolebindings",
            f"{rbac}/{space}/roles",
            f"/api/v1/{space}/serviceaccounts",
        ):
            await _remove(cluster, f"{path}/{account(name)}")
    return found[name], len(gone)


async def _remove(cluster: Cluster, path: str) -> None:
    try:
        await cluster.client.request("DELETE", path)
    except ApiError as error:
        if error.status != 404:
            raise


async def _live(cluster: Cluster, place: Place, name: str) -> Team | None:
    found = await teams_of(cluster, place.stack, place.mark)
    return next((team for team in found if team.name == name), None)


def _check_name(team: str) -> None:
    try:
        check_team(team)
    except ValueError as error:
        raise PosCloudError(str(error), hint="for example: poscloud access create payments") from None


def _seconds(ttl: str) -> int:
    try:
        found = seconds(ttl)
    except ValueError as error:
        raise PosCloudError(f"--ttl: {error}", hint="for example --ttl 8h") from None
    if found < SHORTEST:
        raise PosCloudError(
            f"--ttl {ttl}: the API server gives no token for less than {in_words(SHORTEST)}",
            hint="for example --ttl 10m; poscloud access delete takes one away at any time",
        )
    return found


def _refuse_production(place: Place, *, yes: bool) -> None:
    if not yes and not place.target.local and may_be_production(place.root, place.stack):
        raise PosCloudError(
            f"{place.stack} is production", hint="if it is meant: the same command with --yes"
        )


def _refuse_undeployed(place: Place, team: str) -> None:
    """Leave a team to the next ``up`` that is described, and only not there yet."""
    if place.stack not in known_stacks(place.root):
        return
    if team in load_environment(place.root, place.stack).access:
        raise PosCloudError(
            f"team {team} is described with {place.stack}, and not there yet",
            hint=f"poscloud up -s {place.stack}, then this again",
        )


async def _refuse_accounts(cluster: Cluster, place: Place) -> None:
    """Refuse what a description would not allow either: a team that could act as an account of the whole cluster."""
    path = f"/api/v1/namespaces/{place.stack}/serviceaccounts"
    query = {"labelSelector": f"app.kubernetes.io/component in ({','.join(sorted(WITH_ACCOUNT))})"}
    for item in (await cluster.client.request("GET", path, query)).get("items") or []:
        raise PosCloudError(
            f"who may more than look here gets the rights that the pods of '{item['metadata']['name']}' have in the "
            "whole cluster",
            hint="leave out --may, or give it an environment of its own",
        )


def _file(place: Place, asked: Asked) -> Path | None:
    """Return where the kubeconfig goes; ``None``: it is printed.

    Raises:
        PosCloudError: It cannot go there.
    """
    if asked.file == STDOUT:
        return None
    if not asked.file:
        return place.pulumi.paths.owned / "access" / f"{place.stack}.{asked.team}.kubeconfig"
    try:
        file = Path(asked.file).expanduser()
        wrong = "is a folder" if file.is_dir() else ""
    except (RuntimeError, ValueError, OSError) as error:  # ~nobody/x
        file, wrong = Path(asked.file), str(error)
    if wrong:
        raise PosCloudError(f"--kubeconfig {file}: {wrong}", hint="for example --kubeconfig qa.kubeconfig")
    return file


def as_data(made: Made) -> dict[str, Any]:
    """Return what was made, without its token."""
    file = str(made.file) if made.file else None
    return {"team": made.team.as_data(), "kubeconfig": file, "until": written(made.grant.until)}
