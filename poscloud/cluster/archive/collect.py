"""Reading from the cluster what is kept of an environment, and putting it into a store."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from poscloud.cluster.archive.containers import Log, images_of, logs_of
from poscloud.cluster.archive.manifest import NAME, FileEntry, LogEntry, Manifest, Subject
from poscloud.cluster.archive.scratch import Scratch
from poscloud.cluster.archive.stores import Store
from poscloud.errors import ArchiveError, AuthError, PosCloudError
from poscloud.provider.connection import Connection, parts_of
from poscloud.provider.hiding import HIDDEN, telling
from poscloud.provider.rest import ApiError, Client

AT_ONCE = 8
"""Logs that are read at the same time: each costs its kubelet, and room here until it is in the store."""

PAGE = 200
"""Objects in one answer of a list."""

NAMED = 5
"""Logs that are named where more cannot be read."""

KINDS = {
    "pods": "/api/v1", "events": "/api/v1", "services": "/api/v1", "persistentvolumeclaims": "/api/v1",
    "deployments": "/apis/apps/v1", "statefulsets": "/apis/apps/v1", "daemonsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1", "cronjobs": "/apis/batch/v1",
}  # fmt: skip
"""What is kept as it was, and where the API has it. No Secret, and no ConfigMap: nobody knows what is in one."""

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# Words that old kubelets answer, as if they were the log, when the log's file is gone.
NO_LOG = (b"unable to retrieve container logs for", b"failed to try resolving symlinks in path")

Object = dict[str, Any]
Note = Callable[[str], None]


class Collector:
    """One archive on its way.

    Args:
        client: The cluster, as whom.
        store: Where the archive is kept.
        subject: Whose it is.
        scratch: An empty folder of this machine, for files on their way.
    """

    def __init__(self, client: Client, store: Store, subject: Subject, scratch: Path) -> None:
        self._client, self._store, self._subject, self._scratch = client, store, subject, scratch
        moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        self.taken = moment.removesuffix("+00:00") + "Z"
        self.folder = f"{subject.environment}/{self.taken.replace(':', '-')}"
        self._files: list[FileEntry] = []
        self._logs: list[LogEntry] = []
        self._failures: list[ArchiveError] = []
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self, documents: Mapping[str, str], notes: Iterable[str], note: Note) -> bytes:
        """Read everything, and write the manifest at the end.

        Args:
            documents: Further files by name: the description and what it was rendered to.
            notes: What of these could not be had, and why.
            note: Gets how far it is.

        Returns:
            The manifest as it was written.

        Raises:
            ArchiveError: Something cannot be read or written.
            AuthError: The cluster rejects the credentials.
        """
        for name, text in documents.items():
            await self._put_text(name, text)
        wanted: list[Log] = []
        images: list[Object] = []
        for kind in KINDS:
            await self._objects(kind, wanted, images)
        await self._put_text("images.json", _json(images))
        note(f"{len({log.pod for log in wanted})} pods, {sum(not log.absent for log in wanted)} logs")
        await _all(self._log(log) for log in wanted)
        if self._failures:
            raise self._unreadable()
        manifest = Manifest(self._subject, self.taken, self._files, self._logs, list(notes)).to_json()
        await self._put(NAME, lambda scratch: scratch.add(manifest))
        return manifest

    async def _objects(self, kind: str, wanted: list[Log], images: list[Object]) -> None:
        """Store the objects of one kind; of pods, note which logs and images they have."""
        scratch = Scratch(
            self._scratch / f"{kind}.json", f"{kind}.json" if kind == "events" else f"objects/{kind}.json"
        )
        try:
            scratch.add(b'{"apiVersion": "v1", "kind": "List", "items": [')
            before = b"\n"
            async for item in self._listed(kind):
                if kind == "pods":
                    wanted += logs_of(item)
                    images += images_of(item)
                scratch.add(before + _json(_presentable(item)).rstrip("\n").encode())
                before = b",\n"
            scratch.add(b"\n]}\n")
            await self._keep(scratch)
        finally:
            scratch.forget()

    async def _listed(self, kind: str) -> AsyncIterator[Object]:
        """Yield the objects of one kind, page by page.

        Raises:
            ArchiveError: They cannot be listed.
        """
        path = f"{KINDS[kind]}/namespaces/{self._subject.environment}/{kind}"
        query = {"limit": str(PAGE)}
        while True:
            try:
                answer = await self._client.request("GET", path, query)
            except AuthError:
                raise
            except PosCloudError as error:
                raise ArchiveError(
                    f"the {kind} of namespace {self._subject.environment} cannot be listed: {error.message}",
                    hint=error.hint,
                ) from None
            for item in answer.get("items") or ():
                yield {"apiVersion": answer.get("apiVersion"), "kind": _kind_of(answer), **item}
            more = (answer.get("metadata") or {}).get("continue")
            if not more:
                return
            query = {"limit": str(PAGE), "continue": str(more)}

    async def _log(self, log: Log) -> None:
        """Store one log, or note why there is none; one that cannot be read is a failure, told at the end."""
        if log.absent:
            self._logs.append(LogEntry(log.pod, log.container, log.run, reason=log.absent))
            return
        async with self._slots:
            scratch = Scratch(self._scratch / log.file.replace("/", "_"), log.file)
            try:
                await self._read(log, scratch)
                await self._keep(scratch)
                self._logs.append(LogEntry(log.pod, log.container, log.run, log.file))
            except _GoneError:
                reason = "the pod was gone before its log could be read"
                self._logs.append(LogEntry(log.pod, log.container, log.run, reason=reason))
            except _UnreadableError as error:
                self._failures.append(error)
            finally:
                scratch.forget()

    async def _read(self, log: Log, scratch: Scratch) -> None:
        path = f"/api/v1/namespaces/{self._subject.environment}/pods/{log.pod}"
        query = {"container": log.container, **({"previous": "true"} if log.previous else {})}

        async def pour(connection: Connection) -> bytes:
            scratch.begin()
            async for part in parts_of(connection):
                scratch.add(part)
            return b""

        try:
            await self._client.pour(f"{path}/log", query, pour)
        except (ArchiveError, AuthError):
            raise
        except ApiError as error:
            if error.status == 404 and await self._is_gone(path):
                raise _GoneError from None
            raise _unreadable(log, error.message, error.hint) from None
        except PosCloudError as error:
            raise _unreadable(log, error.message, error.hint) from None
        if scratch.length == len(scratch.head) and scratch.head.startswith(NO_LOG):
            raise _unreadable(log, scratch.head.decode(errors="replace").strip(), "")

    async def _is_gone(self, path: str) -> bool:
        try:
            await self._client.request("GET", path)
        except ApiError as error:
            return error.status == 404
        return False

    async def _put_text(self, name: str, text: str) -> None:
        await self._put(name, lambda scratch: scratch.add(text.encode()))

    async def _put(self, name: str, fill: Callable[[Scratch], None]) -> None:
        scratch = Scratch(self._scratch / name.replace("/", "_"), name)
        try:
            fill(scratch)
            await self._keep(scratch, listed=name != NAME)
        finally:
            scratch.forget()

    async def _keep(self, scratch: Scratch, *, listed: bool = True) -> None:
        """Move a file into the store."""
        entry = scratch.end()
        await asyncio.to_thread(self._store.put, f"{self.folder}/{scratch.name}", scratch.path)
        if listed:
            self._files.append(entry)

    def _unreadable(self) -> ArchiveError:
        count, first = len(self._failures), self._failures[:NAMED]
        more = f"\n  and {count - NAMED} more" if count > NAMED else ""
        lines = "".join(f"\n  {failure.message}" for failure in first)
        them = "1 log cannot be read" if count == 1 else f"{count} logs cannot be read"
        return ArchiveError(f"{them}:{lines}{more}", hint=next((f.hint for f in first if f.hint), ""))


class _GoneError(Exception):
    """The pod is not there any more."""


class _UnreadableError(ArchiveError):
    """One log cannot be read."""


def _unreadable(log: Log, why: str, hint: str) -> _UnreadableError:
    where = f" on node {log.node}" if log.node else ""
    return _UnreadableError(f"pod {log.pod}, container {log.container} ({log.run}){where}: {why}", hint=hint)


async def _all(jobs: Iterable[Any]) -> None:
    """Do all of these; the first error ends the others."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        for task in asyncio.as_completed(tasks):
            await task
    finally:
        for left in tasks:
            left.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _kind_of(answer: Object) -> str:
    return str(answer.get("kind", "")).removesuffix("List")


def _presentable(item: Object) -> Object:
    """Return an object without what nobody reads, and without values that may be secret."""
    meta = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    if annotations := meta.get("annotations"):
        meta["annotations"] = {key: value for key, value in annotations.items() if key != APPLIED}
    hidden: Object = _without_secrets({**item, "metadata": meta})
    return hidden


def _without_secrets(value: Any) -> Any:
    """Hide the value of each environment variable whose name says that it is secret."""
    if isinstance(value, list):
        return [_without_secrets(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("name"), str) and isinstance(value.get("value"), str) and telling(value["name"]):
        return {**value, "value": HIDDEN}
    return {key: _without_secrets(entry) for key, entry in value.items()}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
