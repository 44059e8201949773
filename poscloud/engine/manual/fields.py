"""Writing one field of a live object, and nothing else of it."""

from __future__ import annotations

from typing import Any

from poscloud.errors import DeployError
from poscloud.provider.cluster import Cluster, label
from poscloud.provider.diff import Path, get, path_text
from poscloud.provider.refusals import deleted_outside
from poscloud.provider.rest import MERGE, ApiError

Object = dict[str, Any]

TRIES = 20
"""How often it is tried while controllers write the object's status."""


async def set_field(cluster: Cluster, live: Object, path: Path, value: Any, manager: str) -> Object:
    """Set a field as a field manager, if it still has the value it had, and return the object as it then is.

    The manager owns the field from then on, and nobody else does: with the stack's own, the field is the stack's again.

    Args:
        cluster: Where.
        live: The object as it was read.
        path: The field, as keys of maps.
        value: What it is to be; ``None`` removes it.
        manager: The field manager.

    Raises:
        DeployError: Somebody else changed the field, or the object all the time.
        ApiError: The server refuses.
    """
    before = get(live, *path)
    where = await cluster.path(live)
    for _ in range(TRIES):
        patch: Any = value
        for key in reversed(path):
            patch = {key: patch}
        metadata = {**patch.get("metadata", {}), "resourceVersion": get(live, "metadata", "resourceVersion")}
        try:
            query = {"fieldManager": manager, "fieldValidation": "Strict"}
            return await cluster.client.request("PATCH", where, query, {**patch, "metadata": metadata}, MERGE)
        except ApiError as error:
            if error.status != 409:
                raise
        found = await cluster.get(live)
        if found is None or get(found, "metadata", "uid") != get(live, "metadata", "uid"):
            raise deleted_outside(live)
        if get(found, *path) != before:
            raise DeployError(
                f"{label(live)}: somebody else just set {path_text(path)} to {get(found, *path)}; it is left so",
                hint="look who, and run this again: kubectl get -o yaml --show-managed-fields",
            )
        live = found
    raise DeployError(f"{label(live)} changes all the time; it was not changed", hint="run it again")
