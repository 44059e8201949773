"""Sleep and wake: no pods, and all data kept. The cluster alone is asked; there is no run of the engine.

Every step can be repeated: a namespace says that it sleeps before the first workload does, and for as long as the last
one does; each workload says how many pods it had for as long as it has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from typing import Any

from poscloud.cluster.target import Target
from poscloud.engine.environments.expiry import read, written
from poscloud.engine.environments.listing import WORKLOADS, annotation
from poscloud.engine.environments.rest import AWAKE, OFFICE_HOURS
from poscloud.engine.manual.asleep import REPLICAS
from poscloud.errors import DeployError, PosCloudError, WaitTimeoutError
from poscloud.local.progress import Reporter
from poscloud.provider import byhand, config
from poscloud.provider.rest import JSON_PATCH, MERGE, ApiError, Client
from poscloud.render import names
from poscloud.spec.lifetime import seconds

MANAGER = "poscloud-sleep"
"""Field manager of what is written here."""

LOOK_SECONDS = 0.5
"""Seconds between two looks at pods that come or go."""

PATIENCE_SECONDS = 600.0
"""How long pods that start after one another may take, each group of them."""

Object = dict[str, Any]


class Sleeper:
    """The workloads of one environment.

    Args:
        client: Its cluster's API server.
        name: The environment.
        mark: ``project/stack``; other people's workloads in the namespace stay as they are.
        reporter: Shows progress.
        patience: Seconds that each group of pods may take.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        mark: str,
        reporter: Reporter,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._client, self._name, self._mark, self._reporter = client, name, mark, reporter
        self._patience = patience

    async def sleep(self, by: str) -> int:
        """Take all pods away, those that others need last; return how many workloads had some.

        Raises:
            DeployError: The namespace is not there, or is not this stack's.
            WaitTimeoutError: Pods do not go; the next sleep goes on.
        """
        namespace = await self.namespace()
        since = annotation(namespace, names.ASLEEP_ANNOTATION) or written(datetime.now(UTC))
        if by == OFFICE_HOURS:  # somebody's word is not taken back by the clock
            by = annotation(namespace, names.ASLEEP_BY_ANNOTATION) or by
        said = {names.ASLEEP_ANNOTATION: since, names.ASLEEP_BY_ANNOTATION: by, names.AWAKE_ANNOTATION: None}
        await self._annotate(said)
        workloads = await self._workloads()
        for group in reversed(groups(workloads)):
            await asyncio.gather(*(self._change(key, lulled) for key in group))
            await self._until(group, self._not_gone, "pods that do not go")
        return sum(_replicas(workload) > 0 for workload in workloads.values())

    async def wake(self, until: datetime | None, *, wait: bool = True) -> set[str]:
        """Give all workloads their pods back, those first that others need; return the paths of those that slept.

        Args:
            until: No office hours put it to sleep before; ``None``: they may at once.
            wait: Let each wait for those it needs, and for all in the end.

        Raises:
            DeployError: The namespace is not there, or is not this stack's.
            WaitTimeoutError: Pods do not become ready; the next wake goes on.
        """
        namespace = await self.namespace()
        # First of all: a sweep that comes by meanwhile puts nothing to sleep again.
        before = read(annotation(namespace, names.AWAKE_ANNOTATION))
        if until:
            until = max(until, before) if before else until
            await self._annotate({names.AWAKE_ANNOTATION: written(until)})
        # An earlier try may have given them their pods back, and not have seen them ready.
        began = bool(annotation(namespace, names.ASLEEP_ANNOTATION))
        workloads = await self._workloads()
        asleep = {
            key for key, workload in workloads.items() if annotation(workload, names.REPLICAS_ANNOTATION)
        }
        for group in groups(workloads):
            await asyncio.gather(*(self._change(key, woken) for key in group))
            await asyncio.gather(*(self._change(key, given_back) for key in group))
            if wait:
                await self.until_ready(group if began else group & asleep)
        await self._annotate({names.ASLEEP_ANNOTATION: None, names.ASLEEP_BY_ANNOTATION: None})
        return asleep

    async def until_ready(self, paths: set[str]) -> None:
        """Wait until workloads are ready.

        Raises:
            WaitTimeoutError: They do not become so; names them.
        """
        await self._until(paths, self._not_ready, "pods that do not become ready")

    async def namespace(self) -> Object:
        """Return the live namespace.

        Raises:
            DeployError: It is not there, is going, or is not this stack's.
        """
        try:
            live = await self._client.request("GET", f"/api/v1/namespaces/{self._name}")
        except ApiError as error:
            if error.status != 404:
                raise
            raise DeployError(f"there is no environment {self._name}", hint="poscloud env list") from None
        if (owner := annotation(live, names.STACK_ANNOTATION)) != self._mark:
            whose = f"belongs to stack {owner}" if owner else "is no stack's"
            raise DeployError(
                f"namespace {self._name} {whose}; nothing was changed", hint="poscloud env list"
            )
        if "deletionTimestamp" in live["metadata"]:
            raise DeployError(f"{self._name} is being removed", hint="poscloud env list")
        return live

    async def _annotate(self, said: Mapping[str, str | None]) -> None:
        body = {"metadata": {"annotations": dict(said)}}
        path = f"/api/v1/namespaces/{self._name}"
        await self._client.request("PATCH", path, {"fieldManager": MANAGER}, body, MERGE)

    def _path(self, plural: str, name: str = "") -> str:
        return f"/apis/apps/v1/namespaces/{self._name}/{plural}" + (f"/{name}" if name else "")

    async def _workloads(self) -> dict[str, Object]:
        """Return path → this stack's workload."""
        answers = await asyncio.gather(*(self._client.request("GET", self._path(p)) for p in WORKLOADS))
        return {
            self._path(plural, item["metadata"]["name"]): item
            for plural, answer in zip(WORKLOADS, answers, strict=True)
            for item in answer.get("items") or []
            if annotation(item, names.STACK_ANNOTATION) == self._mark
        }

    async def _change(self, path: str, change: Callable[[Object], Object | list[Object]]) -> None:
        """Patch a workload as it is now; again where somebody else wrote it meanwhile."""
        while True:
            try:
                live = await self._client.request("GET", path)
                if not (patch := change(live)):
                    return
                form = JSON_PATCH if isinstance(patch, list) else MERGE
                await self._client.request("PATCH", path, {"fieldManager": writer(live)}, patch, form)
                return
            except ApiError as error:
                if error.status == 404:  # somebody deleted it
                    return
                if error.status != 409:
                    raise

    async def _not_ready(self, group: set[str]) -> list[str]:
        live = await self._workloads()
        return [_name(path) for path in group if path in live and not _is_ready(live[path])]

    async def _not_gone(self, group: set[str]) -> list[str]:
        """Return workloads, and pods that still end: a Deployment does not count these."""
        live = await self._workloads()
        if left := [_name(path) for path in group if path in live and not _is_gone(live[path])]:
            return left
        apps = {_app(live[path]) for path in group if path in live}
        pods = await self._client.request("GET", f"/api/v1/namespaces/{self._name}/pods")
        return [
            str(pod["metadata"]["name"])
            for pod in pods.get("items") or []
            if _app(pod) in apps and _runs(pod)
        ]

    async def _until(
        self, group: set[str], look: Callable[[set[str]], Awaitable[list[str]]], what: str
    ) -> None:
        """Wait until a look at a group finds nothing left.

        Raises:
            WaitTimeoutError: It does not; names what is left.
        """
        clock = self._client.clock
        end = clock.now() + self._patience
        while group and (left := sorted(await look(group))):
            if clock.now() >= end:
                raise WaitTimeoutError(
                    f"{self._name}: {what} after {self._patience:.0f} s: {', '.join(left)}",
                    hint=f"kubectl -n {self._name} get pods; then run this again, which goes on",
                )
            self._reporter.update(f"{len(left)} left: {', '.join(left[:5])}")
            await clock.sleep(LOOK_SECONDS)


def groups(workloads: Mapping[str, Object]) -> list[set[str]]:
    """Return the paths of workloads in the order they start in, those together that wait for the same ones."""
    by_part: dict[str, set[str]] = {}
    for path, workload in workloads.items():
        by_part.setdefault(_app(workload) or path, set()).add(path)
    order: TopologicalSorter[str] = TopologicalSorter()
    for part, paths in by_part.items():
        after = {
            p for path in paths for p in annotation(workloads[path], names.START_AFTER_ANNOTATION).split(",")
        }
        order.add(part, *(after & by_part.keys()))
    try:
        order.prepare()
    except CycleError:
        return [set(workloads)]
    found = []
    while ready := order.get_ready():
        found.append({path for part in ready for path in by_part[part]})
        order.done(*ready)
    return found


def lulled(live: Object) -> Object:
    """Return what makes a workload sleep; empty when it has no pods anyway."""
    if not (replicas := _replicas(live)):
        return {}
    by_hand = f" {byhand.MANAGER}" if REPLICAS in byhand.held(live) else ""
    return _patch(live, f"{replicas}{by_hand}") | {"spec": {"replicas": 0}}


def woken(live: Object) -> Object:
    """Return what gives a workload its pods back; empty when it does not sleep.

    One that has pods all the same was given them by somebody, and keeps that number.
    """
    if not (said := annotation(live, names.REPLICAS_ANNOTATION)):
        return {}
    count = said.split(" ")[0]
    number = int(count) if count.isdecimal() else 1
    return _patch(live, None) | ({} if _replicas(live) else {"spec": {"replicas": number}})


def writer(live: Object) -> str:
    """Return the field manager that writes a workload: that of a change by hand gets its field back."""
    by_hand = annotation(live, names.REPLICAS_ANNOTATION).endswith(f" {byhand.MANAGER}")
    return byhand.MANAGER if by_hand else MANAGER


def given_back(live: Object) -> list[Object]:
    """Return what forgets that the number of pods was written here: the next ``up`` may change it then."""
    entries = live["metadata"].get("managedFields") or []
    left = [entry for entry in entries if entry.get("manager") != MANAGER]
    if len(left) == len(entries):
        return []
    version = live["metadata"]["resourceVersion"]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": left},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]


def _patch(live: Object, replicas: str | None) -> Object:
    """Return a patch of a workload as it was read: of no other, which a controller has just written."""
    said = {names.REPLICAS_ANNOTATION: replicas}
    return {"metadata": {"annotations": said, "resourceVersion": live["metadata"]["resourceVersion"]}}


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _app(live: Object) -> str:
    return str((live["metadata"].get("labels") or {}).get("app", ""))


def _runs(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _replicas(workload: Object) -> int:
    return int(workload["spec"].get("replicas", 1))


def _is_current(workload: Object) -> bool:
    seen = (workload.get("status") or {}).get("observedGeneration", 0)
    return bool(seen >= workload["metadata"]["generation"])


def _is_gone(workload: Object) -> bool:
    return _is_current(workload) and not (workload.get("status") or {}).get("replicas", 0)


def _is_ready(workload: Object) -> bool:
    ready = int((workload.get("status") or {}).get("readyReplicas", 0))
    return _is_current(workload) and ready >= _replicas(workload)


def sleeper(target: Target, name: str, mark: str, reporter: Reporter) -> Sleeper:
    """Return what puts an environment of a cluster to sleep, and wakes it.

    Raises:
        PosCloudError: The credentials of the cluster cannot be read.
    """
    access = config.load({"kubeconfig": str(target.kubeconfig), "context": target.context})
    return Sleeper(Client(access), name, mark, reporter)


def awake_for(text: str, name: str) -> timedelta:
    """Return how long an environment is to stay awake.

    Raises:
        PosCloudError: It is no duration.
    """
    try:
        return timedelta(seconds=seconds(text))
    except ValueError as error:
        raise PosCloudError(f"--for: {error}", hint=f"poscloud env wake {name} --for 2h") from None


def sleep(target: Target, name: str, mark: str, by: str, reporter: Reporter) -> int:
    """Put an environment to sleep; see ``Sleeper.sleep``."""
    with reporter.step(f"{name} goes to sleep"):
        return asyncio.run(sleeper(target, name, mark, reporter).sleep(by))


def wake(target: Target, name: str, mark: str, reporter: Reporter, stays: timedelta | None = None) -> int:
    """Wake an environment, and return how many workloads slept; see ``Sleeper.wake``.

    Args:
        target: Its cluster.
        name: The environment.
        mark: ``project/stack``.
        reporter: Shows progress.
        stays: How long no office hours put it to sleep; ``None``: not at all.
    """
    until = datetime.now(UTC) + stays if stays else None
    with reporter.step(f"{name} wakes up"):
        return len(asyncio.run(sleeper(target, name, mark, reporter).wake(until)))


def rouse(target: Target, name: str, mark: str, reporter: Reporter) -> set[str]:
    """Give an environment its pods back before an ``up``, without waiting: it may bring what they need."""
    reporter.note(f"{name} was asleep, and wakes up")
    until = datetime.now(UTC) + AWAKE
    return asyncio.run(sleeper(target, name, mark, reporter).wake(until, wait=False))


def until_ready(target: Target, name: str, mark: str, paths: set[str], reporter: Reporter) -> None:
    """Wait for what ``rouse`` gave its pods back; errors as in ``Sleeper.until_ready``."""
    with reporter.step(f"{name} is awake"):
        asyncio.run(sleeper(target, name, mark, reporter).until_ready(paths))
