"""Tokens of a team's service account, each bound to an empty Secret: with the Secret goes the token.

A token by itself cannot be listed or taken back, other than all of an account at once. The Secret is the record of it
as well: who asked for it, when, and until when it works (docs/decisions/0033).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from poscloud.engine.environments.expiry import read, written
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import MERGE, ApiError
from poscloud.render.names import ACCESS_LABEL, GIVEN_BY_ANNOTATION, GIVEN_UNTIL_ANNOTATION
from poscloud.render.teams import account

Object = dict[str, Any]

SECRET_TYPE = "poscloud.io/kubeconfig"


@dataclass(frozen=True)
class Grant:
    """One kubeconfig of a team.

    Attributes:
        team: The team.
        name: The Secret that its token is bound to.
        by: Who asked for it.
        at: When.
        until: Until when it works.
        token: The token itself; empty where it was only listed, as nobody gets to know it again.
    """

    team: str
    name: str
    by: str
    at: datetime
    until: datetime
    token: str = field(default="", repr=False)


async def issue(cluster: Cluster, namespace: str, team: str, seconds: int, by: str) -> Grant:
    """Ask for a token of a team.

    Args:
        cluster: Where its account is.
        namespace: The environment's.
        team: The team.
        seconds: How long it is to work; the API server may give less.
        by: Who asks.

    Raises:
        ApiError: The server refuses; nothing is left.
    """
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    asked = datetime.now(UTC) + timedelta(seconds=seconds)
    notes = {GIVEN_BY_ANNOTATION: by, GIVEN_UNTIL_ANNOTATION: written(asked)}
    metadata: Object = {
        "generateName": f"{account(team)}-",
        "labels": {ACCESS_LABEL: team, "app.kubernetes.io/managed-by": "poscloud"},
        "annotations": notes,
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": SECRET_TYPE,
        "immutable": True,
    }
    made = await cluster.client.request("POST", secrets, body=secret)
    name = str(made["metadata"]["name"])
    try:
        status = await _token(cluster, namespace, account(team), seconds, made["metadata"])
        until = read(status["expirationTimestamp"]) or asked
        real = {"metadata": {"annotations": {GIVEN_UNTIL_ANNOTATION: written(until)}}}
        made = await cluster.client.request("PATCH", f"{secrets}/{name}", body=real, content_type=MERGE)
    except BaseException:
        with suppress(ApiError):
            await _remove(cluster, namespace, name)
        raise
    found = _grant(made)
    assert found
    return Grant(team, name, by, found.at, until, str(status["token"]))


async def _token(cluster: Cluster, namespace: str, account: str, seconds: int, secret: Object) -> Object:
    """Return the answer to a request for a token that ends when the Secret with this metadata goes."""
    bound = {"apiVersion": "v1", "kind": "Secret", "name": secret["name"], "uid": secret["uid"]}
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds, "boundObjectRef": bound},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    return dict((await cluster.client.request("POST", path, body=request))["status"])


async def grants(cluster: Cluster, namespace: str) -> list[Grant]:
    """Return the kubeconfigs of an environment whose time is not over, the oldest first.

    Raises:
        ApiError: They may not be listed.
    """
    now = datetime.now(UTC)
    return [found for found in await _all(cluster, namespace) if found.until > now]


async def revoke(cluster: Cluster, namespace: str, team: str, *, over: bool = False) -> list[Grant]:
    """Take away the kubeconfigs of a team, and return those that still worked.

    Args:
        cluster: Where they are.
        namespace: The environment's.
        team: The team.
        over: Only those whose time is over, of which nothing but the Secret is left.

    Raises:
        ApiError: The server refuses.
    """
    now = datetime.now(UTC)
    mine = [found for found in await _all(cluster, namespace) if found.team == team]
    for found in mine:
        if found.until <= now or not over:
            await _remove(cluster, namespace, found.name)
    return [] if over else [found for found in mine if found.until > now]


async def _all(cluster: Cluster, namespace: str) -> list[Grant]:
    query = {"labelSelector": ACCESS_LABEL, "fieldSelector": f"type={SECRET_TYPE}"}
    answer = await cluster.client.request("GET", f"/api/v1/namespaces/{namespace}/secrets", query)
    found = [_grant(secret) for secret in answer.get("items") or []]
    return sorted((grant for grant in found if grant), key=lambda grant: grant.at)


async def _remove(cluster: Cluster, namespace: str, name: str) -> None:
    try:
        await cluster.client.request("DELETE", f"/api/v1/namespaces/{namespace}/secrets/{name}")
    except ApiError as error:
        if error.status != 404:
            raise


def _grant(secret: Object) -> Grant | None:
    """Return what a Secret says; ``None`` where somebody has made it otherwise."""
    meta = secret["metadata"]
    said = meta.get("annotations") or {}
    at, until = read(meta.get("creationTimestamp")), read(said.get(GIVEN_UNTIL_ANNOTATION))
    if at is None or until is None:
        return None
    by = str(said.get(GIVEN_BY_ANNOTATION) or "somebody")
    return Grant(str(meta["labels"][ACCESS_LABEL]), str(meta["name"]), by, at, until)
