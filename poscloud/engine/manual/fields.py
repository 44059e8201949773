"""Writing one field of a live object, and nothing else of it."""

from __future__ import annotations

from typing import Any

from poscloud.errors import DeployError
from poscloud.provider.cluster import Cluster, label
from poscloud.provider.diff import Path, get, owns, path_text
from poscloud.provider.refusals import deleted_outside
from poscloud.provider.rest import MERGE, ApiError

Object = dict[str, Any]

TRIES = 20
"""How often it is tried while controllers write the object's status."""


class NotSetError(DeployError):
    """The field was not set, and is not as it was wanted."""


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
        NotSetError: Somebody else changed the field, or the object all the time.
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
        if get(found, *path) == value and _is_of(found, path, manager):
            return found  # an answer was lost, and the request sent again
        if get(found, *path) != before:
            raise NotSetError(
                f"{label(live)}: somebody else just set {path_text(path)} to {get(found, *path)}; it is left so",
                hint=f"look who, and run this again: {_question(cluster, live)}",
            )
        live = found
    raise NotSetError(f"{label(live)} changes all the time; it was not changed", hint="run it again")


def _is_of(live: Object, path: Path, manager: str) -> bool:
    """Whether a field manager has the field, or it is gone, which nobody is kept for."""
    entries = get(live, "metadata", "managedFields", default=[])
    has = any(owns(e.get("fieldsV1") or {}, path) for e in entries if e.get("manager") == manager)
    return has or get(live, *path) is None


def _question(cluster: Cluster, live: Object) -> str:
    """Return the command that shows who wrote what of an object."""
    namespace = get(live, "metadata", "namespace")
    words = [cluster.access.kubectl, *(["-n", namespace] if namespace else []), "get"]
    return " ".join(
        [*words, str(live["kind"]).lower(), live["metadata"]["name"], "-o yaml --show-managed-fields"]
    )
