"""The ledger of manual changes: a ConfigMap in the environment's namespace, so that every clone and a sweep know it.

It is no part of the stack: no ``up`` touches it, it is no leftover, and it goes with the namespace. Each entry has a
key of its own; writing says which version was read, so that two writers lose nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poscloud.engine.manual.entry import Entry, as_text, from_text
from poscloud.errors import DeployError
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.provider.rest import MERGE, ApiError
from poscloud.render.names import LEDGER

Object = dict[str, Any]
Edit = Callable[[list[Entry]], list[Entry]]

TRIES = 20
"""How often writing is tried while others write."""


class Ledger:
    """The ledger of one environment.

    Args:
        cluster: Its cluster.
        namespace: Its namespace.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self.namespace = cluster, namespace
        self._folder = f"/api/v1/namespaces/{namespace}/configmaps"

    async def read(self) -> list[Entry]:
        """Return the entries, the oldest first; none where there is no ledger."""
        return entries_of(await self._live())

    async def write(self, edit: Edit) -> list[Entry]:
        """Change the entries, and return them as they are then.

        Args:
            edit: Returns what the entries are to be; called again when somebody else has written meanwhile.

        Raises:
            DeployError: Others write all the time.
            ApiError: The server refuses.
        """
        for _ in range(TRIES):
            live = await self._live()
            before = entries_of(live)
            after = edit(list(before))
            if after == before:
                return after
            try:
                await self._put(live, before, after)
                return sorted(after, key=lambda entry: entry.at)
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
        raise DeployError(f"the ledger of {self.namespace} changes all the time", hint="run it again")

    async def _live(self) -> Object:
        try:
            return await self._cluster.client.request("GET", f"{self._folder}/{LEDGER}")
        except ApiError as error:
            if error.status == 404:
                return {}
            raise

    async def _put(self, live: Object, before: list[Entry], after: list[Entry]) -> None:
        data: dict[str, str | None] = {entry.key: as_text(entry) for entry in after}
        if not live:
            metadata = {"name": LEDGER, "labels": {"app.kubernetes.io/managed-by": "poscloud"}}
            new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            await self._cluster.client.request("POST", self._folder, body=new)
            return
        data |= dict.fromkeys({entry.key for entry in before} - data.keys())
        patch = {"metadata": {"resourceVersion": get(live, "metadata", "resourceVersion")}, "data": data}
        path = f"{self._folder}/{LEDGER}"
        await self._cluster.client.request("PATCH", path, body=patch, content_type=MERGE)


def with_entry(entry: Entry) -> Edit:
    """Return the edit that adds an entry, in the place of one for the same field."""
    return lambda found: [*(other for other in found if other.key != entry.key), entry]


def instead(entry: Entry, left: Entry) -> Edit:
    """Return the edit that puts an entry in the place of another one, if that is still there."""
    return lambda found: [left if other == entry else other for other in found]


def without(*gone: Entry) -> Edit:
    """Return the edit that takes entries out, if they are still these."""
    return lambda found: [entry for entry in found if entry not in gone]


def entries_of(live: Object) -> list[Entry]:
    """Return the entries of a ledger as the cluster has it, the oldest first."""
    found = [from_text(str(text)) for text in (live.get("data") or {}).values()]
    return sorted((entry for entry in found if entry), key=lambda entry: entry.at)
