"""The teams of an environment as the cluster has them: described in its file, or given access by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from poscloud.engine.access.grants import Grant, grants
from poscloud.engine.environments.expiry import read, written
from poscloud.engine.kubectl import stamp_of
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError
from poscloud.render.names import ACCESS_LABEL, GIVEN_BY_ANNOTATION
from poscloud.render.teams import RBAC, account, may_of
from poscloud.spec.teams import Right

Object = dict[str, Any]


@dataclass(frozen=True)
class Team:
    """One team that has access to an environment.

    Attributes:
        name: The team.
        may: Its rights beyond looking.
        by: Who gave it access by hand; empty: its description does.
        since: When its account was made.
        grants: Its kubeconfigs that work.
    """

    name: str
    may: tuple[Right, ...]
    by: str
    since: datetime
    grants: tuple[Grant, ...]

    def __str__(self) -> str:
        parts = [f"by hand by {self.by} on {written(self.since)}"] if self.by else []
        if self.grants:
            many = f"{len(self.grants)} kubeconfig{'s' if len(self.grants) > 1 else ''}"
            last = max(self.grants, key=lambda grant: grant.until)
            parts.append(f"{many}, until {written(last.until)} ({last.by})")
        return f"team {self.name}: {'; '.join(parts) or 'no kubeconfig'}"

    def as_data(self) -> dict[str, Any]:
        """Return it as data."""
        return {
            "name": self.name,
            "may": list(self.may),
            "by": self.by or None,
            "since": written(self.since),
            "kubeconfigs": [
                {"by": g.by, "at": written(g.at), "until": written(g.until)} for g in self.grants
            ],
        }


async def teams_of(cluster: Cluster, namespace: str, mark: str) -> list[Team]:
    """Return the teams of an environment, by name.

    Args:
        cluster: Where it is.
        namespace: The environment's.
        mark: ``project/stack``, which its own objects say.

    Raises:
        ApiError: They may not be listed.
    """
    query = {"labelSelector": ACCESS_LABEL}
    accounts, roles, given = await asyncio.gather(
        cluster.client.request("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts", query),
        cluster.client.request("GET", f"/apis/{RBAC}/v1/namespaces/{namespace}/roles", query),
        grants(cluster, namespace),
    )
    may = {role["metadata"]["name"]: may_of(role) for role in roles.get("items") or []}
    found = [_team(item, may, given, mark) for item in accounts.get("items") or []]
    return sorted(found, key=lambda team: team.name)


async def recorded(cluster: Cluster, namespace: str, mark: str) -> list[Team]:
    """Return those of which the description does not tell all: made by hand, or with kubeconfigs.

    Where this user may not list them, there are none to tell.
    """
    try:
        return [team for team in await teams_of(cluster, namespace, mark) if team.by or team.grants]
    except ApiError as error:
        if error.status == 403:
            return []
        raise


def _team(item: Object, may: dict[str, tuple[Right, ...]], given: Sequence[Grant], mark: str) -> Team:
    meta = item["metadata"]
    name = str(meta["labels"][ACCESS_LABEL])
    by = (meta.get("annotations") or {}).get(GIVEN_BY_ANNOTATION) or "somebody"
    return Team(
        name=name,
        may=may.get(account(name), ()),
        by="" if stamp_of(item) == mark else str(by),
        since=read(meta.get("creationTimestamp")) or datetime.now(UTC),
        grants=tuple(grant for grant in given if grant.team == name),
    )
