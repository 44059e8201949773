"""TeamAccess: what a team may do by itself in one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from poscloud.spec.base import MAX_NAME, Model, check_name
from poscloud.spec.references import Finding

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec

Right = Literal["shell", "change"]
"""What a team may be given beyond looking."""

RIGHTS: tuple[Right, ...] = get_args(Right)

ACCOUNT_PREFIX = "team-"
"""Begins the name of a team's service account, so that it is none of a service's."""

WITH_ACCOUNT = frozenset({"janitor", "node-guard"})
"""Kinds of services whose pods hold a token with rights in the whole cluster."""


def check_team(name: str) -> str:
    """Return a team's name if objects can be called after it, else raise ``ValueError``."""
    longest = MAX_NAME - len(ACCOUNT_PREFIX)
    if len(name) > longest:
        raise ValueError(
            f"'{name}' has {len(name)} characters; the name of a team may have {longest}, as its service account is "
            f"called {ACCOUNT_PREFIX}NAME"
        )
    return check_name(name)


def _once(may: tuple[Right, ...]) -> tuple[Right, ...]:
    if len(set(may)) < len(may):
        raise ValueError("each right once")
    return tuple(right for right in RIGHTS if right in may)


TeamName = Annotated[str, AfterValidator(check_team)]


class TeamAccessSpec(Model):
    """A Role, a RoleBinding and a ServiceAccount of a team; a kubeconfig for it comes from `poscloud access create`.

    Every team may look: services, pods, events, logs, and what they use. Secrets are not among it.
    """

    may: Annotated[tuple[Right, ...], AfterValidator(_once)] = Field(
        (),
        description="What it may do beyond looking: `shell` (exec, cp and port-forward into every pod), `change` "
        "(scale, restart and new versions of every service).",
        examples=[["shell", "change"]],
    )


def check_teams(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each team that could act as a service account with rights in the whole cluster."""
    held = sorted(name for name, part in spec.services.items() if part.kind in WITH_ACCOUNT)
    return [
        Finding(
            ("access", team, "may"),
            "access-to-account",
            f"who may {' or '.join(given.may)} here gets the rights that the pods of '{held[0]}' have in the whole "
            "cluster",
            f"leave out `may`, or give '{held[0]}' an environment of its own",
        )
        for team, given in spec.access.items()
        if held and given.may
    ]
