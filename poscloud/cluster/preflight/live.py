"""What is in a cluster, as far as a check looks at it: everything asked for at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from poscloud.cluster.target import Target
from poscloud.errors import AuthError
from poscloud.provider import config
from poscloud.provider.discovery import Discovery, NoSuchKindError
from poscloud.provider.rest import ApiError, Client

Object = dict[str, Any]

LISTS: dict[str, tuple[str, dict[str, str]]] = {
    "nodes": ("/api/v1/nodes", {}),
    "pods": ("/api/v1/pods", {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}),
    "services": ("/api/v1/services", {}),
    "ingresses": ("/apis/networking.k8s.io/v1/ingresses", {}),
    "storage classes": ("/apis/storage.k8s.io/v1/storageclasses", {}),
    "priority classes": ("/apis/scheduling.k8s.io/v1/priorityclasses", {}),
    "ingress classes": ("/apis/networking.k8s.io/v1/ingressclasses", {}),
}
"""What is listed in the whole cluster, and where the API has it; of pods only those that take room."""


@dataclass(frozen=True)
class Live:
    """What is in a cluster.

    Attributes:
        version: Its Kubernetes, such as v1.36.3.
        unserved: Kinds with their apiVersion, of those that were asked about, which it does not serve.
        lists: The objects of each of ``LISTS``; one that may not be listed is missing.
        quotas: The ResourceQuotas of the environment's namespace.
        unseen: What this user may not list, by the names of ``LISTS``.
    """

    version: str
    unserved: set[tuple[str, str]]
    lists: dict[str, list[Object]]
    quotas: list[Object] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def get(self, what: str) -> list[Object]:
        """Return the objects of one of ``LISTS``; none where they may not be listed."""
        return self.lists.get(what, [])


def read(target: Target, namespace: str, kinds: set[tuple[str, str]]) -> Live:
    """Read what a check of an environment looks at.

    Args:
        target: The cluster.
        namespace: The environment's.
        kinds: Its kinds, each with its apiVersion.

    Raises:
        AuthError: The cluster does not know this user.
        UnreachableError: It does not answer.
    """
    access = config.load({"kubeconfig": str(target.kubeconfig), "context": target.context})
    return asyncio.run(_read(Client(access), namespace, kinds))


async def _read(client: Client, namespace: str, kinds: set[tuple[str, str]]) -> Live:
    quotas = f"/api/v1/namespaces/{namespace}/resourcequotas"
    listing = asyncio.gather(
        *(_listed(client, path, query) for path, query in LISTS.values()), _listed(client, quotas, {})
    )
    version, unserved, (*answers, of_namespace) = await asyncio.gather(
        _version(client), _unserved(client, kinds), listing
    )
    found = {what: items for what, items in zip(LISTS, answers, strict=True) if items is not None}
    return Live(version, unserved, found, of_namespace or [], [what for what in LISTS if what not in found])


async def _version(client: Client) -> str:
    try:
        return str((await client.request("GET", "/version")).get("gitVersion") or "")
    except ApiError:
        return ""


async def _unserved(client: Client, kinds: set[tuple[str, str]]) -> set[tuple[str, str]]:
    discovery = Discovery(client)
    missing = set()
    for api_version, kind in sorted(kinds):
        try:
            await discovery.find(api_version, kind)
        except NoSuchKindError:
            missing.add((api_version, kind))
    return missing


async def _listed(client: Client, path: str, query: dict[str, str]) -> list[Object] | None:
    """Return the objects at a path; ``None`` where this user may not list them, or nobody can."""
    try:
        answer = await client.request("GET", path, query)
    except (ApiError, AuthError) as error:
        if isinstance(error, ApiError) and error.status in (403, 404):
            return None
        raise
    return [item for item in answer.get("items") or [] if isinstance(item, dict)]
