"""What is in a cluster, as far as a check looks at it: everything asked for at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from poscloud.cluster.target import Target
from poscloud.cluster.watching.namespace import Namespace
from poscloud.errors import AuthError
from poscloud.provider.discovery import Discovery, NoSuchKindError
from poscloud.provider.rest import ApiError

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
        DeployError: It is another cluster than the stack was deployed to.
    """
    return asyncio.run(_read(Namespace(target, namespace, ""), kinds))


async def _read(space: Namespace, kinds: set[tuple[str, str]]) -> Live:
    system = await _asked(space, "/api/v1/namespaces/kube-system")
    space.refuse_other(str(system["metadata"]["uid"]) if system else "")
    quotas = f"/api/v1/namespaces/{space.name}/resourcequotas"
    listing = asyncio.gather(
        *(_listed(space, path, query) for path, query in LISTS.values()), _listed(space, quotas, {})
    )
    version, unserved, (*answers, of_namespace) = await asyncio.gather(
        _version(space), _unserved(space, kinds), listing
    )
    found = {what: items for what, items in zip(LISTS, answers, strict=True) if items is not None}
    return Live(version, unserved, found, of_namespace or [], [what for what in LISTS if what not in found])


async def _version(space: Namespace) -> str:
    try:
        return str((await _asked(space, "/version") or {}).get("gitVersion") or "")
    except ApiError:
        return ""


async def _unserved(space: Namespace, kinds: set[tuple[str, str]]) -> set[tuple[str, str]]:
    discovery = Discovery(space.client)
    missing = set()
    for api_version, kind in sorted(kinds):
        try:
            await space.explained(discovery.find(api_version, kind))
        except NoSuchKindError:
            missing.add((api_version, kind))
    return missing


async def _listed(space: Namespace, path: str, query: dict[str, str]) -> list[Object] | None:
    """Return the objects at a path; ``None`` where this user may not list them, or nobody can."""
    answer = await _asked(space, path, query)
    return None if answer is None else [i for i in answer.get("items") or [] if isinstance(i, dict)]


async def _asked(space: Namespace, path: str, query: dict[str, str] | None = None) -> Object | None:
    """Return the answer to a GET; ``None`` where this user may not have it, or it is not there."""
    try:
        return await space.get(path, query)
    except (ApiError, AuthError) as error:
        refusal = error if isinstance(error, ApiError) else error.__cause__
        if isinstance(refusal, ApiError) and refusal.status in (403, 404):
            return None
        raise
