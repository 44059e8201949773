"""The requests the provider makes about one object, each of them only to the cluster the stack belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.provider.config import UID, Access
from poscloud.provider.diff import get, merge_owned
from poscloud.provider.discovery import Discovery, Resource
from poscloud.provider.rest import APPLY, JSON_PATCH, MERGE, ApiError, Client, Clock, MayWrite
from poscloud.provider.shape import answered, understanding
from poscloud.provider.unchanged import are_same, in_conflict, without_fields

Object = dict[str, Any]

MANAGER = "pulumi-kubernetes"
# What these wrote in older, client-side ways becomes ours at the first update, as kubectl and Pulumi do it.
PREDECESSORS = (
    "pulumi-kubernetes",
    "pulumi-resource-kubernetes",
    "kubectl-client-side-apply",
    "before-first-apply",
)
HOLDING_UP = (
    ("/apis/apps/v1", "deployments"), ("/apis/apps/v1", "statefulsets"), ("/apis/apps/v1", "daemonsets"),
    ("/apis/batch/v1", "cronjobs"), ("/apis/batch/v1", "jobs"), ("/apis/apps/v1", "replicasets"),
    ("/api/v1", "pods"), ("/api/v1", "persistentvolumeclaims"),
)  # fmt: skip
DELETED_AT_ONCE = 100
TAKE_OVER_TRIES = 5
SERVICES_AT_ONCE = 4
"""Services that are created at a time: the API server gives out their addresses one by one, and gives up on a create
that waited for half a minute, having done half of it (docs/scaling.md)."""
TOGETHER = 1.0
"""Seconds that the answer to a question counts which many objects' waits ask."""


class WrongClusterError(PosCloudError):
    """The kubeconfig points to another cluster than the one the stack was deployed to."""


@dataclass(frozen=True)
class Settings:
    """The part of the provider's configuration that concerns how, not where.

    Attributes:
        cluster_identifier: ``uid:…`` of the namespace kube-system pins the cluster.
        mutable: Kinds whose data changes in place: ``ConfigMap``, ``Secret``.
        force: Take over fields that others own.
        delete_unreachable: Count objects of an unreachable cluster as gone.
    """

    cluster_identifier: str = ""
    mutable: frozenset[str] = frozenset()
    force: bool = False
    delete_unreachable: bool = False

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Settings:
        """Read them from the provider's configuration."""

        def on(key: str) -> bool:
            return variables.get(key, "").strip().lower() in ("true", "1")

        kinds = {"enableConfigMapMutable": "ConfigMap", "enableSecretMutable": "Secret"}
        return cls(
            cluster_identifier=variables.get("clusterIdentifier", ""),
            mutable=frozenset(kind for key, kind in kinds.items() if on(key)),
            force=on("enablePatchForce"),
            delete_unreachable=on("deleteUnreachable"),
        )


def label(obj: Object) -> str:
    """The object as people name it: ``Deployment shop/web``."""
    meta = obj.get("metadata") or {}
    return f"{obj.get('kind')} {object_id(meta) if isinstance(meta, dict) else ''}"


def object_id(metadata: Object) -> str:
    """``namespace/name``, or ``name`` outside namespaces."""
    return "/".join(str(metadata[key]) for key in ("namespace", "name") if metadata.get(key))


def created_by(live: Object) -> str:
    """Who made a live object and when, for messages: ``, created by kubectl-create on 2026-01-01T00:00:00Z``."""
    entries = get(live, "metadata", "managedFields", default=[])
    first: Object = min(entries, key=lambda entry: str(entry.get("time", "~")), default={})
    created = get(live, "metadata", "creationTimestamp")
    return f", created by {first.get('manager', 'someone')} on {created}"


def is_ours(entry: Object, manager: str) -> bool:
    """Whether a managedFields entry is this provider's, or that of a predecessor."""
    name = str(entry.get("manager", ""))
    return not entry.get("subresource") and (name == manager or name.startswith(PREDECESSORS))


class Cluster:
    """One API server, and the objects in it."""

    def __init__(
        self, access: Access, settings: Settings, clock: Clock, may_write: MayWrite = lambda _: None
    ) -> None:
        self.access, self.settings, self.clock = access, settings, clock
        self.client = Client(access, clock, may_write)
        self.discovery = Discovery(self.client)
        self._verified = not settings.cluster_identifier.startswith(UID)
        self._lock = asyncio.Lock()
        self._addresses = asyncio.Semaphore(SERVICES_AT_ONCE)
        self._lists: dict[tuple[object, ...], tuple[float, asyncio.Future[list[Object]]]] = {}

    async def guard(self) -> None:
        """Make sure, once, that this is the cluster the stack belongs to.

        Raises:
            WrongClusterError: It is another one.
        """
        async with self._lock:
            if self._verified:
                return
            found = get(await self.client.request("GET", "/api/v1/namespaces/kube-system"), "metadata", "uid")
            expected = self.settings.cluster_identifier.removeprefix(UID)
            if found != expected:
                raise WrongClusterError(
                    f"this stack was deployed to cluster {expected} (uid of its namespace kube-system), and "
                    f"{self.access.where} now points to cluster {found} ({self.access.server}); nothing was written",
                    hint="choose the context the stack was deployed with; a stack cannot move between clusters",
                )
            self._verified = True

    async def empty(self, namespace: str) -> None:
        """Delete what holds up a namespace that is being deleted: workloads, pods, claims.

        The namespace's controller does the same, but it begins after 5 s and then waits for half of the longest
        grace period of the pods it has deleted; when it finds none, it is done at once. Whatever is not allowed
        here is left to it.
        """
        for group, plural in HOLDING_UP:
            with suppress(ApiError):
                await self._delete_all(f"{group}/namespaces/{namespace}/{plural}")

    async def _delete_all(self, path: str) -> None:
        """Delete all objects at a path, so many at a time as the API server is done with in good time.

        It deletes them one after another, and a request that takes a minute has failed.
        """
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        query = {"limit": str(DELETED_AT_ONCE)}
        while True:
            answer = await self.client.request("DELETE", path, query, options)
            if not (rest := get(answer, "metadata", "continue")):
                return
            query["continue"] = rest

    async def locate(self, obj: Object) -> tuple[Resource, str]:
        """How the object is addressed, and in which namespace it lives."""
        await self.guard()
        resource = await self.discovery.find(str(obj.get("apiVersion")), str(obj.get("kind")))
        namespace = get(obj, "metadata", "namespace", default=self.access.namespace)
        return resource, namespace if resource.namespaced else ""

    async def path(self, obj: Object) -> str:
        """The object's path."""
        name = get(obj, "metadata", "name", default="")
        if not name:  # its path would be that of all objects of the kind
            raise PosCloudError(f"{obj.get('kind')} has no metadata.name")
        resource, namespace = await self.locate(obj)
        return resource.path(namespace, name)

    async def get(self, obj: Object) -> Object | None:
        """The live object; ``None`` when there is none."""
        path = await self.path(obj)
        try:
            return answered(await self.client.request("GET", path), f"GET {path}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def create(self, obj: Object, manager: str, *, dry_run: bool = False) -> Object:
        """POST: fails when the object exists."""
        resource, namespace = await self.locate(obj)
        query = _query(dry_run, fieldManager=manager)
        path = resource.path(namespace)
        async with self._addresses if resource.plural == "services" else nullcontext():
            return answered(await self.client.request("POST", path, query, obj), f"POST {path}")

    async def apply(
        self, obj: Object, manager: str, *, uid: str = "", force: bool = False, dry_run: bool = False
    ) -> Object:
        """Server-side apply; with a uid it fails when that very object is gone.

        A conflict about fields that would stay as they are is none: they are left out, and stay their owner's.
        """
        try:
            return await self._apply(obj, manager, uid, force=force, dry_run=dry_run)
        except ApiError as error:
            if force or not (paths := in_conflict(error, obj)):
                raise
            try:
                forced = await self._apply(obj, manager, uid, force=True, dry_run=True)
                live = await self.get(obj)
            except ApiError:
                raise error from None
            if live is None or not are_same(live, forced, paths):
                raise
        return await self._apply(without_fields(obj, paths), manager, uid, force=False, dry_run=dry_run)

    async def _apply(self, obj: Object, manager: str, uid: str, *, force: bool, dry_run: bool) -> Object:
        body = {**obj, "metadata": {**obj["metadata"], "uid": uid}} if uid else obj
        query = _query(dry_run, fieldManager=manager, force="true" if force else "false")
        path = await self.path(obj)
        return answered(await self.client.request("PATCH", path, query, body, APPLY), f"PATCH {path}")

    async def try_patch(self, obj: Object, patch: Object, manager: str) -> Object:
        """What the object would be after a merge patch; nothing is stored."""
        path, query = await self.path(obj), _query(True, fieldManager=manager)
        return answered(await self.client.request("PATCH", path, query, patch, MERGE), f"PATCH {path}")

    async def take_over(self, live: Object, manager: str, others: Collection[str] = ()) -> None:
        """Make fields that an older client-side write set ours to apply, so that they can be removed again.

        Args:
            live: The object.
            manager: Ours.
            others: Managers whose fields become ours as well: the next apply removes what it does not have of them.
        """
        for _ in range(TAKE_OVER_TRIES):
            entries = adopted(live, manager, others)
            if entries is None:
                return
            # With the version it was read at: a controller may just be writing its status.
            patch = [
                {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                {
                    "op": "replace",
                    "path": "/metadata/resourceVersion",
                    "value": get(live, "metadata", "resourceVersion"),
                },
            ]
            try:
                query = {"fieldManager": manager}
                await self.client.request("PATCH", await self.path(live), query, patch, JSON_PATCH)
                return
            except ApiError as error:
                if error.status != 409:
                    raise
            live = await self.get(live) or live

    async def list(self, api_version: str, plural: str, namespace: str = "", **query: str) -> list[Object]:
        """The objects of a collection; empty when we may not read it, or the server has no such kind."""
        path = Resource(api_version, plural, bool(namespace)).path(namespace)
        try:
            items = (await self.client.request("GET", path, query)).get("items") or []
        except ApiError as error:
            if error.status in (403, 404):
                return []
            raise
        with understanding(f"{plural}"):
            return [answered(item, f"GET {path}") for item in items]

    async def list_together(
        self, api_version: str, plural: str, namespace: str, **query: str
    ) -> Sequence[Object]:
        """The same, asked once for all who want to know it within a second; not to be changed."""
        key = (api_version, plural, namespace, *sorted(query.items()))
        now = self.clock.now()
        asked, answer = self._lists.get(key, (now, None))
        if answer is None or _failed(answer) or now - asked >= TOGETHER:
            answer = asyncio.ensure_future(self.list(api_version, plural, namespace, **query))
            answer.add_done_callback(_failed)  # whoever asked may have gone, and left its error unread
            self._lists[key] = (now, answer)
        return await asyncio.shield(answer)


def _failed(answer: asyncio.Future[list[Object]]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)


def _query(dry_run: bool, **fields: str) -> dict[str, str]:
    return {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {}), **fields}


def adopted(live: Object, manager: str, others: Collection[str] = ()) -> list[Object] | None:
    """The managedFields with everything that is ours under one apply entry; ``None`` when they are so already.

    What ``others`` wrote, as long as it is no subresource, becomes ours as well.
    """
    entries: list[Object] = get(live, "metadata", "managedFields", default=[])
    taken = [
        e for e in entries if is_ours(e, manager) or (e.get("manager") in others and not e.get("subresource"))
    ]
    same = [e for e in taken if e.get("apiVersion") == live.get("apiVersion")]
    mine = [e for e in same if (e.get("manager"), e.get("operation")) == (manager, "Apply")]
    if same == mine:
        return None
    fields: Object = {}
    for entry in same:
        fields = merge_owned(fields, entry.get("fieldsV1") or {})
    merged = {**(mine or same)[0], "manager": manager, "operation": "Apply", "fieldsV1": fields}
    return [*(entry for entry in entries if entry not in same), merged]
