"""Writing some fields of a live workload, and nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poscloud.errors import DeployError
from poscloud.provider.cluster import Cluster, label
from poscloud.provider.diff import Path, get, owns, path_text
from poscloud.provider.items import Item
from poscloud.provider.refusals import deleted_outside
from poscloud.provider.rest import STRATEGIC, ApiError

Object = dict[str, Any]

TRIES = 20
"""How often it is tried while controllers write the object's status."""


class NotSetError(DeployError):
    """The fields were not set, and are not as they were wanted."""


async def set_fields(cluster: Cluster, live: Object, values: Mapping[Path, Any], manager: str) -> Object:
    """Set fields as a field manager, if they still have the values they had, and return the object as it then is.

    All of them, or none. The manager owns them from then on, and nobody else does: with the stack's own, they are the
    stack's again.

    Args:
        cluster: Where.
        live: The object as it was read, of a kind that Kubernetes itself has.
        values: Field, as keys of maps and items of lists → what it is to be; ``None`` removes it.
        manager: The field manager.

    Raises:
        NotSetError: Somebody else changed one of them, or the object all the time.
        ApiError: The server refuses.
    """
    before = {path: get(live, *path) for path in values}
    where = await cluster.path(live)
    for _ in range(TRIES):
        body: Object = {"metadata": {"resourceVersion": get(live, "metadata", "resourceVersion")}}
        for path, value in values.items():
            _put(body, path, value)
        try:
            query = {"fieldManager": manager, "fieldValidation": "Strict"}
            return await cluster.client.request("PATCH", where, query, body, STRATEGIC)
        except ApiError as error:
            if error.status != 409:
                raise
        found = await cluster.get(live)
        if found is None or get(found, "metadata", "uid") != get(live, "metadata", "uid"):
            raise deleted_outside(live)
        if all(get(found, *p) == value and _is_of(found, p, manager) for p, value in values.items()):
            return found  # an answer was lost, and the request sent again
        if other := next((path for path in values if get(found, *path) != before[path]), None):
            raise NotSetError(
                f"{label(live)}: somebody else just set {path_text(other)} to {get(found, *other)}; it is left so",
                hint=f"look who, and run this again: {_question(cluster, live)}",
            )
        live = found
    raise NotSetError(f"{label(live)} changes all the time; it was not changed", hint="run it again")


def _put(body: Object, path: Path, value: Any) -> None:
    """Put one field into a strategic merge patch."""
    here: Any = body
    for number, step in enumerate(path):
        last, below = number == len(path) - 1, path[number + 1] if number + 1 < len(path) else ""
        if isinstance(step, Item):
            item = next((each for each in here if step.is_of(each)), None)
            if item is None:
                item = dict(step.key)
                here.append(item)
            if last:
                item.update({"$patch": "delete"} if value is None else value)
            here = item
        elif last:
            here[step] = value
        else:
            here = here.setdefault(step, [] if isinstance(below, Item) else {})


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
