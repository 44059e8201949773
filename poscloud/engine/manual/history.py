"""Which versions a service had: what Kubernetes keeps of a workload's earlier templates, and who pushed them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.engine.drift.described import Described, described
from poscloud.engine.environments.expiry import written
from poscloud.engine.manual.entry import Entry
from poscloud.engine.manual.ledger import Ledger
from poscloud.engine.manual.place import Place, place_of, refuse_others
from poscloud.engine.manual.versions import version_in
from poscloud.engine.manual.workload import workload_of
from poscloud.errors import PosCloudError
from poscloud.local.progress import Reporter
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.render.names import PUSHED_ANNOTATION

Object = dict[str, Any]

PUSHED = ("metadata", "annotations", PUSHED_ANNOTATION)
REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
BY_UP = "poscloud up"
"""Who gave a version that nobody pushed: the stack's file did, whoever ran the ``up``."""


@dataclass(frozen=True)
class Version:
    """One version that a service had.

    Attributes:
        version: The jar's, or the image's tag.
        revision: Kubernetes' number of it, which rises with each change of the pods.
        at: When it was given, in RFC 3339.
        who: Who pushed it; else ``poscloud up``.
        why: Why; empty where it was not pushed.
        now: Whether the service has it now.
        until: Until when, where that is recorded, in RFC 3339.
    """

    version: str
    revision: int
    at: str
    who: str = BY_UP
    why: str = ""
    now: bool = False
    until: str = ""


def history(root: Path, stack: str, service: str, reporter: Reporter) -> list[Version]:
    """Return the versions of a service that Kubernetes still knows, the newest first.

    Args:
        root: The project's folder.
        stack: The environment.
        service: The service, or one track of its release.
        reporter: Shows progress.

    Raises:
        PosCloudError: There is no such service, or the environment is not this stack's.
    """
    place = place_of(root, stack, reporter)
    workload = workload_of(described(place.pulumi, stack, secrets=False), service, stack)
    return asyncio.run(_history(place, workload))


def before(root: Path, stack: str, service: str, reporter: Reporter) -> str:
    """Return the version that a rollback goes to: the stack's own, or where it runs, the one before it.

    Raises:
        PosCloudError: As of ``history``; or there was no other version.
    """
    place = place_of(root, stack, reporter)
    workload = workload_of(described(place.pulumi, stack, secrets=False), service, stack)
    stated = version_in(get(workload.inputs, "spec", "template", default={}), workload.component)

    async def read() -> tuple[Entry | None, list[Version]]:
        entry = await _entry(Ledger(place.cluster(), stack), workload)
        return entry, [] if entry else await _history(place, workload)

    entry, found = asyncio.run(read())
    if entry:
        return stated
    current = next((each.version for each in found if each.now), stated)
    if current != stated:
        return stated  # given by others, for example by kubectl
    for each in found:
        if each.version != current:
            return each.version
    raise PosCloudError(
        f"'{service}' of {stack} has version {current}, and Kubernetes knows of no other before it",
        hint=f"give one: poscloud rollback {service} VERSION -s {stack}",
    )


def pushed_text(entry: Entry) -> str:
    """Return what is kept at a workload about a version that somebody gives it."""
    version = entry.versions[1] if entry.versions else ""
    return json.dumps(
        {"version": version, "who": entry.who, "why": entry.why, "at": written(entry.at)}, ensure_ascii=False
    )


def versions_of(kept: Sequence[Object], service: str, entry: Entry | None) -> list[Version]:
    """Return the versions in the earlier templates of a workload, the newest first; each once in a row.

    Args:
        kept: Its ReplicaSets or ControllerRevisions.
        service: The service.
        entry: What is recorded about its version.
    """
    numbered = sorted(kept, key=_revision, reverse=True)
    found: list[Version] = []
    for each in numbered:
        template = get(each, "spec", "template") or get(each, "data", "spec", "template", default={})
        version, pushed = version_in(template, service), _pushed(each)
        mine = pushed if pushed.get("version") == version else {}
        told = Version(
            version,
            _revision(each),
            str(mine.get("at") or get(each, "metadata", "creationTimestamp", default="")),
            str(mine.get("who") or BY_UP),
            str(mine.get("why") or ""),
            now=not found,
            until=written(entry.until) if not found and entry and entry.until else "",
        )
        if found and found[-1].version == version and (found[-1].who, found[-1].at) == (told.who, told.at):
            continue  # a restart, or another field of the same version
        found.append(told)
    return found


async def _history(place: Place, workload: Described) -> list[Version]:
    cluster = place.cluster()
    await refuse_others(place, cluster)
    live = await cluster.get(workload.inputs)
    if live is None:
        raise PosCloudError(
            f"{workload.kind} {workload.name} is gone from the cluster, and its history with it",
            hint=f"how to make it anew says: poscloud drift -s {place.stack}",
        )
    entry = await _entry(Ledger(cluster, place.stack), workload)
    kept = await _kept(cluster, live, place.stack)
    return versions_of(kept, workload.component, entry)


async def _entry(ledger: Ledger, workload: Described) -> Entry | None:
    mine = (workload.kind, workload.name)
    return next((e for e in await ledger.read() if e.versions and (e.kind, e.name) == mine), None)


async def _kept(cluster: Cluster, live: Object, namespace: str) -> list[Object]:
    """Return the ReplicaSets of a Deployment, or the ControllerRevisions of a StatefulSet."""
    plural = "replicasets" if live["kind"] == "Deployment" else "controllerrevisions"
    answer = await cluster.client.request("GET", f"/apis/apps/v1/namespaces/{namespace}/{plural}")
    uid = get(live, "metadata", "uid")
    return [
        item
        for item in answer.get("items") or []
        if any(owner.get("uid") == uid for owner in get(item, "metadata", "ownerReferences", default=[]))
    ]


def _revision(kept: Object) -> int:
    annotated = get(kept, "metadata", "annotations", REVISION_ANNOTATION)
    return int(kept.get("revision") or annotated or 0)


def _pushed(kept: Object) -> Object:
    try:
        found = json.loads(get(kept, "metadata", "annotations", PUSHED_ANNOTATION, default="{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
