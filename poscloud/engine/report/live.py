"""What a report tells of the cluster: how each component is, room on the nodes, what changed. Everything is read."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from poscloud.cluster.preflight.live import Live
from poscloud.cluster.preflight.nodes import needs_of
from poscloud.cluster.target import Target
from poscloud.cluster.watching.addresses import addresses_of
from poscloud.cluster.watching.events import events_of
from poscloud.cluster.watching.namespace import MissingNamespaceError, Namespace
from poscloud.cluster.watching.services import Service, moment, statuses
from poscloud.cluster.watching.status import Row, Seen, see, status_of, trouble_of
from poscloud.cluster.watching.why.look import look_at
from poscloud.engine.manual.history import versions_of
from poscloud.engine.manual.ledger import entries_of
from poscloud.engine.report.masking import Masker
from poscloud.engine.report.model import (
    Amounts,
    Change,
    Component,
    NodeRoom,
    Pod,
    Report,
    State,
    as_amounts,
    total,
)
from poscloud.engine.stackconfig import project_name
from poscloud.errors import AuthError, PosCloudError
from poscloud.provider.diff import get
from poscloud.provider.rest import ApiError
from poscloud.provider.trouble import condition
from poscloud.quantity import parse_quantity
from poscloud.render.environment import SCALED
from poscloud.render.names import LEDGER

Object = dict[str, Any]

MOST_EVENTS = 200
"""Events that a page has at most."""

MOST_CAUSES = 20
"""Components that are not ready of which the cause is looked for: each is several requests."""

_SILENT = "this user may not list them"


def add_nodes(report: Report, live: Live) -> None:
    """Enter the room on the nodes, where they and all pods may be listed."""
    own: dict[str, list[Amounts]] = {}
    others: dict[str, list[Amounts]] = {}
    for pod in live.get("pods"):
        node = str(pod["spec"].get("nodeName") or "")
        mine = get(pod, "metadata", "namespace") == report.name
        (own if mine else others).setdefault(node, []).append(as_amounts(needs_of(pod["spec"], None)))
    report.nodes = [_room(node, own, others) for node in live.get("nodes")] if "pods" in live.lists else []


def _room(node: Object, own: Mapping[str, list[Amounts]], others: Mapping[str, list[Amounts]]) -> NodeRoom:
    name = str(node["metadata"]["name"])
    written = get(node, "status", "allocatable", default={})
    allocatable = {
        key: parse_quantity(str(written[key])) for key in ("cpu", "memory", "pods") if key in written
    }
    return NodeRoom(
        name,
        bool(get(node, "spec", "unschedulable")),
        as_amounts(allocatable),
        total(own.get(name, [])),
        total(others.get(name, [])),
    )


def add_state(report: Report, root: Path, target: Target, masker: Masker) -> None:
    """Enter how each component is, and what changed last; a note where the environment is not up.

    Raises:
        PosCloudError: The cluster does not answer, or not to this user, or the namespace is somebody else's.
    """
    space = Namespace(target, report.name, f"{project_name(root)}/{report.name}")
    asyncio.run(_Looking(report, space, masker).all())


class _Looking:
    """One look at a namespace.

    Args:
        report: Receives what is found.
        space: The namespace.
        masker: Hides what the namespace's Secrets hold in all that the cluster tells.
    """

    def __init__(self, report: Report, space: Namespace, masker: Masker) -> None:
        self.report, self.space, self.masker = report, space, masker

    async def all(self) -> None:
        try:
            seen = await see(self.space)
        except MissingNamespaceError as error:
            self.report.notes.append(error.message)
            self.report.unread.clear()  # there is nothing of it to read
            for component in filter(_runs, self.report.components):
                component.state = State("not made", 0, component.pods, 0, "", None, ())
            return
        self.report.asleep_since = seen.asleep_since
        await self._learn_secrets()
        services, ingresses, events, kept, ledger = await asyncio.gather(
            self._listed("services"),
            self._listed("ingresses"),
            self._listed("events"),
            self._kept(),
            self._ledger(),
        )
        causes = await self._causes(seen)
        self._add_states(seen, services, ingresses, causes)
        self._add_events(seen, events)
        self._add_changes(seen, kept, ledger)

    async def _learn_secrets(self) -> None:
        """What the namespace's Secrets hold is in no message, whoever wrote it there; none where it may not be read."""
        answer = await self._asked(f"/api/v1/namespaces/{self.space.name}/secrets")
        if answer is None:
            self.report.notes.append(
                f"Secrets: {_SILENT}, so that messages of the cluster hide only what looks like a password"
            )
            return
        for secret in answer.get("items") or ():
            for text in (secret.get("data") or {}).values():
                with suppress(binascii.Error, UnicodeDecodeError, ValueError):
                    self.masker.learn(base64.b64decode(text).decode())

    async def _listed(self, plural: str) -> list[Object]:
        found = await self.space.listed_if_allowed(plural)
        if found is None:
            self.report.notes.append(f"{plural}: {_SILENT}")
        elif plural == "events":
            self.report.unread.discard("events")
        return found or []

    async def _kept(self) -> dict[str, list[Object]]:
        """Return the earlier templates of workloads, by the workload's uid."""
        folder = f"/apis/apps/v1/namespaces/{self.space.name}"
        found: dict[str, list[Object]] = {}
        unread = False
        for plural in ("replicasets", "controllerrevisions"):
            answer = await self._asked(f"{folder}/{plural}")
            if answer is None:
                self.report.notes.append(f"versions ({plural}): {_SILENT}")
                unread = True
            for item in (answer or {}).get("items") or ():
                for owner in get(item, "metadata", "ownerReferences", default=[]):
                    found.setdefault(str(owner.get("uid")), []).append(item)
        if not unread:
            self.report.unread.discard("versions")
        return found

    async def _ledger(self) -> Object:
        path = f"/api/v1/namespaces/{self.space.name}/configmaps/{LEDGER}"
        found = await self._asked(path, none={})
        if found is None:
            self.report.notes.append("changes by hand: this user may not read the record of them")
        else:
            self.report.unread.discard("by_hand")
        return found or {}

    async def _asked(self, path: str, none: Object | None = None) -> Object | None:
        """Return the answer to a GET; ``None`` where it may not be read, ``none`` where there is no such thing."""
        try:
            return await self.space.get(path)
        except (ApiError, AuthError) as error:
            refusal = error if isinstance(error, ApiError) else error.__cause__
            if isinstance(refusal, ApiError) and refusal.status in (403, 404):
                return none if refusal.status == 404 else None
            raise

    async def _causes(self, seen: Seen) -> dict[str, str]:
        """Return the likely cause of what is not ready."""
        troubled = [s for s in seen.services.values() if not (s.asleep or s.is_ready or not s.wanted)]
        if len(troubled) > MOST_CAUSES:
            self.report.notes.append(
                f"why only {MOST_CAUSES} of {len(troubled)} that are not ready are not was looked at"
            )
        found = {}
        for service in troubled[:MOST_CAUSES]:
            try:
                told = await look_at(self.space, service, dict(seen.services))
            except PosCloudError as error:
                self.report.notes.append(self.masker.text(f"{service.name}: {error.message}"))
                continue
            words = (told.summary, told.cause.sentence)
            found[service.name] = self.masker.text("; ".join(filter(None, words)))
        return found

    def _add_states(
        self, seen: Seen, services: list[Object], ingresses: list[Object], causes: Mapping[str, str]
    ) -> None:
        unmade = {c.name: (c.kind, c.after) for c in self.report.components if c.name not in seen.services}
        names = [c.name for c in self.report.components if c.name in seen.services or _runs(c)]
        rows = {row.name: row for row in status_of(self.report.name, seen, names, unmade).rows}
        for component in self.report.components:
            if component.name not in rows:
                continue
            row, service = rows[component.name], seen.services.get(component.name)
            pods = service.pods if service else ()
            hosts = [str(get(pod, "status", "hostIP", default="")) for pod in pods]
            reach = addresses_of(component.name, services, ingresses, [h for h in hosts if h])
            shown = replace(row, version=self.masker.text(row.version))
            component.state = _state(
                shown, map(self.masker.text, reach), map(_pod, pods), causes.get(component.name, "")
            )
        if strangers := sorted(seen.services.keys() - set(names)):
            told = self.masker.text(", ".join(strangers))
            self.report.notes.append(f"in the namespace and not in the description: {told}")

    def _add_events(self, seen: Seen, found: list[Object]) -> None:
        events = events_of(found, seen.services.values(), ())
        if len(events) > MOST_EVENTS:
            self.report.notes.append(f"only the last {MOST_EVENTS} of {len(events)} events are shown")
        for event in reversed(events[-MOST_EVENTS:]):
            count = f" ({event.count} times)" if event.count > 1 else ""
            told = self.masker.text(f"{event.reason}: {event.message}")
            self.report.events.append(
                Change(
                    event.seen,
                    self.masker.text(event.service),
                    told + count,
                    self.masker.text(event.about),
                    event.warning,
                )
            )

    def _add_changes(self, seen: Seen, kept: Mapping[str, list[Object]], ledger: Object) -> None:
        entries = entries_of(ledger)
        by_workload = {(e.kind, e.name): e for e in entries if e.versions}
        for service, workload in _workloads(seen.services.values()):
            mine = kept.get(str(get(workload, "metadata", "uid")), [])
            entry = by_workload.get((workload["kind"], workload["metadata"]["name"]))
            for version in versions_of(mine, service.name, entry):
                why = f", {version.why}" if version.why else ""
                until = f", until {version.until}" if version.until else ""
                text = f"version {version.version}{' (now)' if version.now else ''}{why}{until}"
                self.report.versions.append(
                    Change(
                        moment(version.at),
                        self.masker.text(service.name),
                        self.masker.text(text),
                        self.masker.text(version.who),
                    )
                )
        self.report.versions.sort(key=lambda change: (change.at, change.component), reverse=True)
        owners = {
            (workload["kind"], workload["metadata"]["name"]): service.name
            for service, workload in _workloads(seen.services.values())
        }
        for entry in reversed(entries):
            text = self.masker.text(f"{entry.object}: {entry.done}: {entry.why}")
            owner = owners.get((entry.kind, entry.name), "") or _owner(entry.name, seen.services)
            self.report.by_hand.append(
                Change(entry.at, self.masker.text(owner), text, self.masker.text(entry.who))
            )


def _runs(component: Component) -> bool:
    """Whether a component has pods all the time, which can be ready; a CronJob's are not."""
    return any(item.kind in SCALED for item in component.objects)


def _workloads(services: Iterable[Service]) -> Iterable[tuple[Service, Object]]:
    for service in services:
        for workload in service.workloads:
            yield service, workload


def _owner(name: str, known: Collection[str]) -> str:
    """Return the service that a pod is of, by the beginning of its name; empty where none is."""
    return max((each for each in known if name.startswith(f"{each}-")), key=len, default="")


def _state(row: Row, reach: Iterable[str], pods: Iterable[Pod], cause: str) -> State:
    return State(
        word=row.state,
        ready=row.ready,
        wanted=row.wanted,
        restarts=row.restarts,
        version=row.version,
        age=row.age,
        waits_for=row.waits_for,
        addresses=tuple(reach),
        pods=tuple(pods),
        cause=cause,
    )


def _pod(pod: Object) -> Pod:
    ready = condition(pod, "Ready").get("status") == "True"
    state = trouble_of(pod) or ("ready" if ready else str(get(pod, "status", "phase", default="Pending")))
    restarts = sum(int(status.get("restartCount", 0)) for status in statuses(pod))
    return Pod(str(pod["metadata"]["name"]), str(pod["spec"].get("nodeName") or ""), state, restarts)
