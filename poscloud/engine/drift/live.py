"""The live objects of a stack: one list for each kind and namespace, not a request for each object."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from poscloud.engine.drift.described import Described
from poscloud.engine.inventory import Key
from poscloud.errors import AuthError
from poscloud.provider.cluster import Cluster, object_id
from poscloud.provider.discovery import NoSuchKindError
from poscloud.provider.fence import is_namespace
from poscloud.provider.rest import ApiError
from poscloud.provider.shape import answered

Object = dict[str, Any]
Group = tuple[str, str, str]
"""apiVersion, kind, namespace."""


async def live_objects(cluster: Cluster, wanted: Iterable[Described]) -> dict[Key, Object]:
    """Return the live objects of the kinds and in the namespaces that a stack has objects of, by kind and id.

    Raises:
        AuthError: This user may not list them.
        PosCloudError: The cluster does not answer.
    """
    groups: dict[Group, Object] = {}
    spaces = []
    for each in wanted:
        if is_namespace(
            each.inputs
        ):  # by name: to list them all is a right that poscloud does not need otherwise
            spaces.append(cluster.get(each.inputs))
        else:
            groups.setdefault((str(each.inputs["apiVersion"]), each.kind, each.namespace), each.inputs)
    lists = await asyncio.gather(*(_listed(cluster, inputs) for inputs in groups.values()))
    found = [obj for objects in lists for obj in objects]
    found += [space for space in await asyncio.gather(*spaces) if space]
    return {(str(obj["kind"]), object_id(obj["metadata"])): obj for obj in found}


async def _listed(cluster: Cluster, inputs: Object) -> list[Object]:
    """Return the objects of one kind in one namespace."""
    try:
        resource, namespace = await cluster.locate(inputs)
        path = resource.path(namespace)
        answer = await cluster.client.request("GET", path)
    except NoSuchKindError:
        return []
    except ApiError as error:
        if error.status == 404:
            return []
        if error.status != 403:
            raise
        raise AuthError(f"what is there cannot be told: {error.message}", hint=error.hint) from None
    same = {"apiVersion": inputs["apiVersion"], "kind": inputs["kind"]}  # a list's items do not say it
    return [answered({**item, **same}, f"GET {path}") for item in answer.get("items") or []]
