"""Who asks for an environment, and what they may ask for."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from poscloud.errors import PosCloudError
from poscloud.forge import from_environment, project_of
from poscloud.forge.refusals import MissingError
from poscloud.local.environment import user_name
from poscloud.local.progress import Reporter
from poscloud.spec.lifetime import FOREVER, Copies, seconds

OWNER_VARIABLES = ("POSCLOUD_OWNER", "GITLAB_USER_LOGIN", "GITHUB_ACTOR")
"""Environment variables that name who asks; the first that is set."""

TEAM_VARIABLE = "POSCLOUD_TEAM"
"""Environment variable that names the team whose copy it is."""


def owner(environ: Mapping[str, str], root: Path) -> str:
    """Return who asks: as the CI job says, as git knows them here, or this machine's user."""
    for variable in OWNER_VARIABLES:
        if environ.get(variable):
            return environ[variable]
    done = subprocess.run(
        ["git", "config", "user.name"], cwd=root, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or user_name()


def time_to_live(wanted: str | None, copies: Copies, who: str, original: str) -> str:
    """Return the lifetime of a copy.

    Args:
        wanted: What was asked for; ``None`` for the usual one.
        copies: What may be asked for.
        who: Who asks.
        original: The environment that is copied, for messages.

    Raises:
        PosCloudError: It is no duration, or more than may be asked for.
    """
    if wanted is None:
        return copies.ttl
    where = f"`copies` of {original}"
    if wanted == FOREVER:
        if who in copies.forever:
            return wanted
        may = ", ".join(copies.forever) or "nobody"
        raise PosCloudError(
            f"{who} may not make a copy of {original} that stays forever; {may} may ({where}: `forever`)",
            hint=f"ask for a time, at most --ttl {copies.longest}; poscloud env extend makes it longer later",
        )
    try:
        asked = seconds(wanted)
    except ValueError as error:
        raise PosCloudError(f"--ttl: {error}", hint=f"for example --ttl {copies.ttl}") from None
    if asked > seconds(copies.longest):
        raise PosCloudError(
            f"--ttl {wanted} is longer than a copy of {original} may stay: {copies.longest} ({where}: `longest`)",
            hint=f"--ttl {copies.longest}, and poscloud env extend when it is still needed then",
        )
    return wanted


def team(environ: Mapping[str, str]) -> str:
    """Return the team that asks, as the variable says; empty when it is not set."""
    return environ.get(TEAM_VARIABLE, "").strip()


def refuse_closed(merge_request: str, environ: Mapping[str, str], reporter: Reporter) -> None:
    """Make sure that a merge request is not known to be closed: the next sweep would remove what is made for it.

    Where that cannot be told, it is noted, and the copy made.

    Args:
        merge_request: ``PROJECT!NUMBER``; empty for none.
        environ: Where CI says which forge it is.
        reporter: Gets the note.

    Raises:
        PosCloudError: It is merged, closed, or not there.
    """
    repository, _, number = merge_request.rpartition("!")
    if not repository or not number.isdecimal():
        return
    try:
        forge = from_environment(environ)
        request = forge.of(repository, int(number)).request() if forge else None
    except PosCloudError as error:
        # A token for one project is told the same of any other, whether it is there or not.
        if isinstance(error, MissingError) and repository == project_of(environ):
            raise
        reporter.note(f"whether {merge_request} is open was not looked at: {error.message}")
        return
    if request and request.state != "open":
        raise PosCloudError(
            f"{merge_request} is {request.state} ({request.url}), and a copy made for it would be removed by the next "
            "sweep; nothing was made",
            hint="open it again; or, for a copy of your own, leave --mr out",
        )
