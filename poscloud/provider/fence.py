"""The fence: a namespace says whose it is, and nothing of another stack is written there.

A Namespace carries ``poscloud.io/stack`` (``project/stack``) and ``poscloud.io/cluster`` (uid of the cluster's
namespace kube-system). Objects that carry the first of these annotations are written only where their namespace
carries the same; what no namespace holds is judged by the namespace of the stack it names. Objects without it, those
of other people's programs, are not looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from poscloud.errors import PosCloudError
from poscloud.provider.cluster import Cluster, Object, created_by
from poscloud.provider.config import UID, Access
from poscloud.provider.diff import get
from poscloud.provider.kinds import (
    ADOPT_ANNOTATION,
    ASLEEP_ANNOTATION,
    CLUSTER_ANNOTATION,
    STACK_ANNOTATION,
)
from poscloud.provider.rest import TOO_SLOW, ApiError, progress


class FenceError(PosCloudError):
    """The namespace is another stack's, another cluster's, or nobody's."""


class Fence:
    """What is known of the namespaces of one run. Each is asked for once, before the first write that concerns it.

    Args:
        cluster: Where they are.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._seen: dict[str, Object | None] = {}
        self._ours_gone: set[str] = set()
        self._unreadable: set[str] = set()
        self._ended: dict[str, PosCloudError | None] = {}
        self._lock, self._ending = asyncio.Lock(), asyncio.Lock()

    async def admit(self, obj: Object, state: Object | None = None, *, preview: bool = False) -> None:
        """Make sure that an object may be written.

        Args:
            obj: Its inputs.
            state: The stored outputs, where there are some. What this stack was called when it wrote them is its
                own as well, so that a project can be renamed.
            preview: Nothing is written; a namespace that is not there is then asked for only once.

        Raises:
            FenceError: It may not.
            ApiError: The namespace may not be read.
        """
        mine = stacks(obj, state or {})
        if not mine:
            return
        live = await self._look(home(obj, mine), again=not preview)
        if live is not None:
            self.judge(live, obj, mine)
            if not (preview or is_namespace(obj)) and _annotation(live, ASLEEP_ANNOTATION):
                raise _asleep(live)

    def plan(self, obj: Object) -> None:
        """Count a Namespace that a preview has admitted as written; other kinds do not matter."""
        name = str(get(obj, "metadata", "name"))
        if is_namespace(obj) and (live := self._seen.get(name)):
            self._seen[name] = _planned(live, obj)

    def judge(self, live: Object, obj: Object, mine: frozenset[str]) -> None:
        """Raise ``FenceError`` unless the live namespace is that of one of the stacks, or ``obj`` may take it in."""
        owner = str(_annotation(live, STACK_ANNOTATION) or "")
        if owner and owner not in mine:
            raise _of_another_stack(live, owner, mine)
        if not owner and not adopts(obj):
            raise _of_nobody(live, mine)
        made_in = str(_annotation(live, CLUSTER_ANNOTATION) or "")
        here = self._cluster.settings.cluster_identifier
        here = (
            here.removeprefix(UID)
            if here.startswith(UID)
            else str(_annotation(obj, CLUSTER_ANNOTATION) or "")
        )
        if made_in and here and made_in != here:
            raise _of_another_cluster(live, made_in, here, self._cluster.access)

    async def admit_delete(self, state: Object) -> bool:
        """Whether to delete the object of a state; not when it went with a namespace that is gone.

        Raises:
            FenceError: The namespace it is in has become another's.
        """
        mine = stacks(state)
        if not mine:
            return True
        name = home(state, mine)
        live = await self._look(name, again=False)
        if live is None:
            return True
        uid = get(state, "metadata", "uid")
        if is_namespace(state) and uid and get(live, "metadata", "uid") != uid:
            progress.get()("is gone; another one of that name is there, and is left alone")
            self._ours_gone.add(name)
            return False
        if name in self._ours_gone:
            return not get(
                state, "metadata", "namespace"
            )  # what no namespace holds is deleted by its own uid
        self.judge(live, state, mine)
        return True

    async def ends(self, live: Object, gone: Callable[[Object], Awaitable[None]]) -> bool:
        """Whether the namespace of a live object, or itself, is being deleted; waits until that has happened.

        Else a refresh would find everything still there, and the update after it nothing.

        Raises:
            WaitTimeoutError: The namespace does not go; the message names what holds it.
        """
        name = str(get(live, "metadata", "name" if is_namespace(live) else "namespace") or "")
        namespace = live if is_namespace(live) else await self._home_of(name)
        if name not in self._ended and not get(namespace or {}, "metadata", "deletionTimestamp"):
            return False
        async with self._ending:  # sixty objects at once wait for one end
            if name not in self._ended and namespace is not None:
                try:
                    await gone(namespace)
                    self._ended[name] = None
                except PosCloudError as error:
                    self._ended[name] = error
                self._seen.pop(name, None)
        if failed := self._ended.get(name):
            raise failed
        return True

    async def _home_of(self, name: str) -> Object | None:
        """The namespace of that name; ``None`` where there is none, or it may not be read."""
        if not name or name in self._unreadable:
            return None
        try:
            return await self._look(name, again=False)
        except ApiError as error:
            if error.status != 403:
                raise
            self._unreadable.add(name)
            return None

    def may_adopt(self, obj: Object) -> bool:
        """Whether an object of that name that is nobody's may be taken in; ``admit`` was called before.

        The namespace says so: ``poscloud.io/adopt``, which it keeps for as long as the description does.
        """
        if is_namespace(obj):
            return adopts(obj)
        namespace = get(obj, "metadata", "namespace")
        return bool(namespace and stacks(obj)) and adopts(self._seen.get(namespace) or {})

    def wrote(self, live: Object) -> None:
        """Remember a namespace as it was just written; other kinds do not matter."""
        if is_namespace(live):
            self._seen[name := str(get(live, "metadata", "name"))] = live
            self._ended.pop(name, None)

    def forget(self, obj: Object) -> None:
        """Ask again before the next write: what happened to this object may have happened to its namespace."""
        if mine := stacks(obj):
            self._seen.pop(home(obj, mine), None)

    async def _look(self, name: str, *, again: bool) -> Object | None:
        async with self._lock:  # sixty objects at once wait for one answer
            known = self._seen.get(name)
            if known is None and (again or name not in self._seen):
                wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                known = self._seen[name] = await self._cluster.get(wanted)
            return known


def _annotation(obj: Object, name: str) -> object:
    return get(obj, "metadata", "annotations", name)


def is_namespace(obj: Object) -> bool:
    """Whether it is a Namespace."""
    return obj.get("kind") == "Namespace" and obj.get("apiVersion") == "v1"


def stacks(*objects: Object) -> frozenset[str]:
    """The stacks that inputs or stored outputs say they belong to; more than one after a rename."""
    found = [_annotation(obj, STACK_ANNOTATION) for obj in objects]
    found += [_annotation(obj.get("__inputs") or {}, STACK_ANNOTATION) for obj in objects]
    return frozenset(str(stack) for stack in found if stack)


def home(obj: Object, mine: frozenset[str]) -> str:
    """The name of the namespace that decides: the one the object is in, or the one named as its stack."""
    if is_namespace(obj):
        return str(get(obj, "metadata", "name"))
    stack = str(_annotation(obj, STACK_ANNOTATION) or min(mine))
    return str(get(obj, "metadata", "namespace") or stack.rpartition("/")[2])


def adopts(obj: Object) -> bool:
    """Whether its annotation says that what is nobody's is taken in."""
    return str(_annotation(obj, ADOPT_ANNOTATION)).lower() == "true"


def may_exist(error: PosCloudError, inputs: Object) -> bool:
    """Whether a refused create may mean that the object is there.

    Who is bound to one existing namespace may not create namespaces, and is refused before anything else is looked at.
    A server that took too long for a create may have carried it out.
    """
    if not isinstance(error, ApiError):
        return False
    return (
        error.reason == "AlreadyExists"
        or error.status == TOO_SLOW
        or (error.status == 403 and is_namespace(inputs) and adopts(inputs))
    )


def is_taken(live: Object, mine: frozenset[str]) -> bool:
    """Whether a live object carries the annotation of a stack that is none of these."""
    owner = _annotation(live, STACK_ANNOTATION)
    return bool(mine and owner) and owner not in mine


def taken(live: Object, kubectl: str) -> FenceError:
    """The error for an object of ours that says now that it is another stack's.

    Args:
        live: The object.
        kubectl: How a command to its cluster begins.
    """
    meta = live["metadata"]
    where = "/".join(str(meta[key]) for key in ("namespace", "name") if meta.get(key))
    namespace = f"-n {meta['namespace']} " if meta.get("namespace") else ""
    return FenceError(
        f"{live.get('kind')} {where} was this stack's, and says now that it belongs to stack "
        f"{_annotation(live, STACK_ANNOTATION)} (annotation {STACK_ANNOTATION}); nothing was written",
        hint=f"find out who changed the annotation: {kubectl} get -o yaml --show-managed-fields "
        f"{namespace}{str(live.get('kind')).lower()} {meta.get('name')}",
    )


def _planned(live: Object, obj: Object) -> Object:
    """The namespace as it will be once the previewed write was done."""
    metadata = live.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **(get(obj, "metadata", "annotations") or {})}
    return {**live, "metadata": {**metadata, "annotations": annotations}}


def _of_another_stack(live: Object, owner: str, mine: frozenset[str]) -> FenceError:
    name = get(live, "metadata", "name")
    project = owner.rpartition("/")[0]
    return FenceError(
        f"namespace {name} belongs to stack {owner} (annotation {STACK_ANNOTATION}){_state(live)}; this stack is "
        f"{', '.join(sorted(mine))}, and nothing was written",
        hint=f"choose another name for this environment: rename stacks/{name}.yaml; or, if it is that stack you mean, "
        f"run this in project {project}. If this stack's own one is gone, destroy forgets it and leaves this one alone",
    )


def _of_nobody(live: Object, mine: frozenset[str]) -> FenceError:
    name = get(live, "metadata", "name")
    return FenceError(
        f"namespace {name} exists already{created_by(live)}, and does not say that it belongs to stack "
        f"{', '.join(sorted(mine))} (annotation {STACK_ANNOTATION}){_state(live)}; nothing was written",
        hint=f"take it in, with what is in it: adopt: true in stacks/{name}.yaml (destroy then deletes it); or choose "
        f"another name for this environment: rename stacks/{name}.yaml",
    )


def _of_another_cluster(live: Object, made_in: str, here: str, access: Access) -> FenceError:
    name = get(live, "metadata", "name")
    return FenceError(
        f"namespace {name} was made in cluster {made_in} (annotation {CLUSTER_ANNOTATION}), and this is cluster "
        f"{here} ({access.server}): it comes from that cluster's backup; nothing was written",
        hint=f"if it is to live on here, and its old self is gone: {access.kubectl} annotate --overwrite namespace "
        f"{name} {CLUSTER_ANNOTATION}={here}",
    )


def _asleep(live: Object) -> FenceError:
    name = get(live, "metadata", "name")
    return FenceError(
        f"environment {name} sleeps since {_annotation(live, ASLEEP_ANNOTATION)}; nothing was written",
        hint=f"poscloud up -s {name} wakes it first; or: poscloud env wake {name}",
    )


def _state(live: Object) -> str:
    return ", and is being deleted" if get(live, "metadata", "deletionTimestamp") else ""
