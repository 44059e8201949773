"""What can be seen of a service that is not ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from poscloud.cluster.watching.events import Event, events_of, warnings_of
from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.read import NO_LOG, read
from poscloud.cluster.watching.logs.source import Source
from poscloud.cluster.watching.namespace import Namespace
from poscloud.cluster.watching.services import Service, statuses
from poscloud.cluster.watching.why.causes import Cause, Evidence, likely_cause
from poscloud.errors import AuthError
from poscloud.provider.diff import get
from poscloud.provider.rest import ApiError, UnreachableError
from poscloud.provider.trouble import LOG_LINES, condition, relate, trouble
from poscloud.provider.waits import readiness

Object = dict[str, Any]


@dataclass(frozen=True)
class Container:
    """A container that is not as it should be.

    Attributes:
        pod: Its pod.
        name: The container.
        state: In words: ``waiting, CrashLoopBackOff``.
        restarts: How often it was started again.
        ended: How its last run ended: ``exit code 137 (OOMKilled)``; empty where none has.
    """

    pod: str
    name: str
    state: str
    restarts: int
    ended: str


@dataclass(frozen=True)
class Report:
    """Why a service is not ready.

    Attributes:
        service: The service.
        ready: Whether it is ready after all.
        summary: What its objects say, in a sentence.
        cause: The likely cause.
        waits_for: What it starts after that is not ready, with how it is.
        containers: Those that are not as they should be.
        events: Warnings about it, the newest last.
        whose_log: Which log the last lines are of; empty for none.
        log: The last lines of the container in trouble.
        notes: What could not be looked at, and why.
    """

    service: str
    ready: bool
    summary: str
    cause: Cause
    waits_for: tuple[str, ...] = ()
    containers: tuple[Container, ...] = ()
    events: tuple[Event, ...] = ()
    whose_log: str = ""
    log: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def look_at(namespace: Namespace, service: Service, services: dict[str, Service]) -> Report:
    """Return why a service is not ready.

    Args:
        namespace: Where.
        service: The service.
        services: All services of the environment, by name.

    Raises:
        AuthError: The credentials do not hold.
        UnreachableError: The cluster does not answer.
    """
    waits = [services[name] for name in service.after if name in services and not services[name].is_ready]
    if service.asleep or service.is_ready or not service.wanted:
        return _fine(service, namespace.name)
    found = await namespace.listed_if_allowed("events") or []
    events = _fresh(events_of(found, services.values(), {service.name}), service)
    state, container = _state(service, [e for e in found if e.get("type") == "Warning"])
    containers = tuple(_not_right(service))
    source = container or _worst(service, containers)
    notes: list[str] = []
    lines = await _last_lines(namespace, service, source, notes) if source else []
    evidence = Evidence(
        state=state,
        ended=next((each.ended for each in containers if each.ended), ""),
        events=warnings_of(events),
        log=tuple(line.text.decode(errors="replace") for line in lines),
        waits_for=tuple(each.name for each in waits),
    )
    return Report(
        service=service.name,
        ready=False,
        summary=state,
        cause=likely_cause(evidence),
        waits_for=tuple(f"{each.name} ({each.ready} of {each.wanted} pods ready)" for each in waits),
        containers=containers,
        events=tuple(event for event in events if event.warning),
        whose_log=f"{source[0]}, {source[1]}" if source and lines else "",
        log=evidence.log,
        notes=tuple(notes),
    )


def _fine(service: Service, environment: str) -> Report:
    if service.asleep:
        return Report(service.name, False, "it sleeps: it has no pods", Cause(
            "somebody, or its office hours, put it to sleep", f"poscloud env wake {environment}"
        ))  # fmt: skip
    if not service.wanted:
        return Report(service.name, False, "it is to have no pods", Cause(
            "its number of pods is 0", f"poscloud scale {service.name} 1 -e {environment} --reason WHY"
        ))  # fmt: skip
    restarts = f", {service.restarts} restarts" if service.restarts else ""
    return Report(service.name, True, f"{service.ready} of {service.wanted} pods ready{restarts}", Cause(""))


def _state(service: Service, warnings: Sequence[Object]) -> tuple[str, tuple[str, str] | None]:
    """Return what the provider says of a workload that is not ready, and whose last lines tell more."""
    if len(service.pods) >= service.wanted:  # those that could not be made for a while are there now
        warnings = [event for event in warnings if event.get("reason") != "FailedCreate"]
    said = ""
    for workload in service.workloads:
        verdict = readiness(workload)
        if verdict.state == "ready":
            continue
        related = relate(workload, service.pods, warnings, {}, "")
        found = trouble(workload, replace(related, pods=[p for p in service.pods if not _is_ready(p)]))
        if found:
            return f"{verdict.message}: {found.message}", found.container
        said = said or verdict.message
    return said, None


def _fresh(events: Sequence[Event], service: Service) -> list[Event]:
    """Return the events that still say something: not those of pods that have come over it, or are gone."""
    troubled = {f"Pod {pod['metadata']['name']}" for pod in service.pods if not _is_ready(pod)}
    begun = {
        f"Pod {pod['metadata']['name']}"
        for pod in service.pods
        if any("waiting" not in (status.get("state") or {"waiting": {}}) for status in statuses(pod))
    }
    early = ("FailedMount", "FailedAttachVolume", "FailedScheduling")
    return [
        event
        for event in events
        if (not event.about.startswith("Pod ") or event.about in troubled)
        and not (event.reason in early and event.about in begun)
    ]


def _is_ready(pod: Object) -> bool:
    return condition(pod, "Ready").get("status") == "True"


def _not_right(service: Service) -> list[Container]:
    found = []
    for pod in service.pods:
        if _is_ready(pod):
            continue
        initial = {s.get("name") for s in get(pod, "status", "initContainerStatuses", default=[])}
        for status in statuses(pod):
            state = status.get("state") or {}
            if status.get("ready") or get(state, "terminated", "exitCode") == 0:
                continue
            ended = get(state, "terminated") or get(status, "lastState", "terminated", default={})
            words = next(iter(state), "waiting")
            reason = get(state, words, "reason", default="")
            kind = "init container" if status.get("name") in initial else "container"
            told = f"{words}, {reason}" if reason else f"{words}, not ready"
            code = f"exit code {ended.get('exitCode')} ({ended.get('reason', 'no reason')})" if ended else ""
            name, restarts = str(status.get("name")), int(status.get("restartCount", 0))
            found.append(Container(str(pod["metadata"]["name"]), name, f"{kind} {told}", restarts, code))
    return found


def _worst(service: Service, containers: Sequence[Container]) -> tuple[str, str] | None:
    """Return the pod and container whose last lines are shown: one that ended, else one that runs and is not ready."""
    for each in (*(c for c in containers if c.ended), *(c for c in containers if "running" in c.state)):
        return each.pod, each.name
    return None


async def _last_lines(
    namespace: Namespace, service: Service, source: tuple[str, str], notes: list[str]
) -> list[Line]:
    """Return the last lines of a container: of its run before this one, where that has any.

    Without an answer there are none, and ``notes`` gets why: the rest of the report is worth having.
    """
    pod = next((each for each in service.pods if each["metadata"]["name"] == source[0]), {})
    where = Source(source[0], "", source[1], node=str(get(pod, "spec", "nodeName", default="")))
    for previous in ("true", "false"):
        query = {"tailLines": str(LOG_LINES), "previous": previous}
        try:
            if lines := await read(namespace, where, query):
                return lines
        except (ApiError, UnreachableError, AuthError) as error:
            if isinstance(error, AuthError) and not isinstance(error.__cause__, ApiError):
                raise
            if isinstance(error, ApiError) and error.status in NO_LOG:
                continue
            notes.append(f"no last lines of {source[0]}, {source[1]}: {error.message}")
            return []
    return []
