"""Create, update, delete and read objects for real."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.provider import byhand
from poscloud.provider.awaiter import Awaiter, NotReadyError
from poscloud.provider.cluster import MANAGER, Cluster, label
from poscloud.provider.diff import changes, get, prune, union
from poscloud.provider.discovery import NoSuchKindError
from poscloud.provider.fence import Fence, is_namespace, is_taken, may_exist, stacks, taken
from poscloud.provider.kinds import (
    LEAVES,
    PATCH_FIELD_MANAGER,
    PATCH_FORCE,
    PROPAGATION_POLICY,
    SKIP_AWAIT,
    STACK_ANNOTATION,
)
from poscloud.provider.refusals import conflict, deleted_outside, foreign, only_ours, without_namespace
from poscloud.provider.rest import OVERLOADED, TOO_SLOW, ApiError, progress
from poscloud.provider.shape import answered
from poscloud.provider.state import LAST_APPLIED, Result, state_of
from poscloud.provider.waits import is_failed_job

Object = dict[str, Any]

# Waits for a namespace or a CustomResourceDefinition that something else is just creating.
CREATE_RETRIES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
SERVER_SIDE = (
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields",
    "resourceVersion", "selfLink", "uid",
)  # fmt: skip
SKIP_DELETE_AWAIT = frozenset(
    {"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"}
)


class PartialError(PosCloudError):
    """The write was done, and the object is not ready.

    Attributes:
        result: What to keep in the state.
    """

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def new_manager(inputs: Object, state: Object | None = None) -> str:
    """The field manager: named by annotation, kept in the state, or a new one that marks this very create."""
    annotated = get(inputs, "metadata", "annotations", PATCH_FIELD_MANAGER)
    return str(annotated or (state or {}).get("__fieldManager") or f"{MANAGER}-{os.urandom(4).hex()}")


class Objects:
    """Objects of one cluster, written only where the fence lets them."""

    def __init__(self, cluster: Cluster, fence: Fence) -> None:
        self._cluster, self._fence, self._awaiter = cluster, fence, Awaiter(cluster)

    async def create(self, inputs: Object, timeout: float) -> Result:
        """Create the object and wait until it is ready; adopt it if it carries our own stack's annotation.

        Raises:
            PartialError: It exists and is not ready.
        """
        manager = new_manager(inputs)
        live = await self._post(inputs, manager)
        self._fence.wrote(live)
        return await self._settle(live, inputs, manager, timeout, "created")

    async def _post(self, inputs: Object, manager: str) -> Object:
        clock, delays = self._cluster.clock, [*CREATE_RETRIES, None]
        started, number = clock.now(), 0
        while delays:
            await self._fence.admit(inputs)
            number += 1
            try:
                return await self._cluster.create(inputs, manager)
            except (ApiError, NoSuchKindError) as error:
                exists = isinstance(error, ApiError) and error.reason == "AlreadyExists"
                slow = isinstance(error, ApiError) and error.status == TOO_SLOW
                if may_exist(error, inputs) and (live := await self._claim(inputs, manager)):
                    return live
                self._fence.forget(inputs)
                if slow and clock.now() - started < OVERLOADED:
                    progress.get()(f"API server is busy (HTTP {TOO_SLOW}), retrying")
                    await clock.sleep(1.0)
                    continue
                delay = delays.pop(0)
                if not exists and (delay is None or (isinstance(error, ApiError) and error.status != 404)):
                    raise without_namespace(error, inputs) from None
                progress.get()(f"retry {number}: {error.message}")
                await clock.sleep(delay or 1.0)
        raise PosCloudError(f"{label(inputs)} exists and disappears again; somebody else works on it")

    async def _claim(self, inputs: Object, manager: str) -> Object | None:
        """The existing object if it may be ours; ``None`` when it is gone and may be created."""
        live = await self._cluster.get(inputs)
        if live is None:
            return None
        entries = get(live, "metadata", "managedFields", default=[])
        annotated = get(
            inputs, "metadata", "annotations", PATCH_FIELD_MANAGER
        )  # others may be called so, too
        if not annotated and any(entry.get("manager") == manager for entry in entries):
            return live  # the answer to our own POST was lost
        if get(live, "metadata", "deletionTimestamp"):
            await self._awaiter.gone(live)
            return None
        ours = get(inputs, "metadata", "annotations", STACK_ANNOTATION)
        owner = get(live, "metadata", "annotations", STACK_ANNOTATION)
        if ours and is_namespace(live):
            self._fence.judge(live, inputs, stacks(inputs))  # made by somebody since the fence was asked
        if ours and owner == ours:
            if is_failed_job(live):
                progress.get()("failed in an earlier run of this stack, running it again")
                await self.delete(live, 0)
                return None
            progress.get()("exists from an earlier run of this stack, adopting it")
            return await self._apply(inputs, live, manager)
        if not owner and self._fence.may_adopt(inputs):
            progress.get()("exists and is nobody's, taking it in")
            await try_adoption(self._cluster, inputs, live, manager)
            return await self._apply(inputs, live, manager)
        raise foreign(live)

    async def update(
        self,
        inputs: Object,
        state: Object,
        timeout: float,
        ignored: Sequence[str] = (),
        before: Object | None = None,
    ) -> Result:
        """Apply the inputs to the object and wait until it is ready; safe to repeat.

        Args:
            inputs: What the program wants.
            state: The stored outputs.
            timeout: How long to wait, in seconds; 0 for the kind's usual time.
            ignored: Fields that stay as they are.
            before: The inputs of the last run; what they have as well, and somebody changed by hand, stays.

        Raises:
            PartialError: It was changed and is not ready.
        """
        manager = new_manager(inputs, state)
        await self._fence.admit(inputs, state)
        live = await self._cluster.get(inputs)
        uid = get(state, "metadata", "uid")
        if live is None or (uid and get(live, "metadata", "uid") != uid):
            self._fence.forget(inputs)
            raise deleted_outside(inputs)
        if is_taken(live, stacks(inputs, state)):
            raise taken(live, self._cluster.access.kubectl)
        wanted = with_live_values(inputs, live, ignored)
        wanted = byhand.with_values(wanted, live, byhand.kept(live, before or {}, inputs))
        try:
            live = await self._apply(wanted, live, manager)
        except ApiError as error:
            if not byhand.only_by_hand(error):
                raise conflict(error, inputs) from None
            progress.get()(byhand.told(live))
            live = await self._apply(wanted, live, manager, force=True)
        self._fence.wrote(live)
        initial = str(state.get("__initialApiVersion", ""))
        return await self._settle(live, inputs, manager, timeout, "updated", initial)

    async def take_back(
        self, inputs: Object, state: Object, live: Object, strangers: Collection[str]
    ) -> Result:
        """Apply the inputs once more, and remove what others have added; what is held by hand stays.

        Args:
            inputs: What the program wants, as in the last run.
            state: The stored outputs.
            live: The object.
            strangers: Field managers whose additions go.

        Raises:
            PartialError: It was changed and is not ready.
        """
        await self._fence.admit(inputs, state)
        await self._cluster.take_over(live, new_manager(inputs, state), strangers)
        return await self.update(inputs, state, 0, before=inputs)

    async def _apply(self, inputs: Object, live: Object, manager: str, *, force: bool = False) -> Object:
        await self._cluster.take_over(live, manager)
        force = force or must_force(inputs, self._cluster.settings.force)
        uid = str(get(live, "metadata", "uid", default=""))
        return await self._cluster.apply(inputs, manager, uid=uid, force=force)

    async def _settle(
        self, live: Object, inputs: Object, manager: str, timeout: float, verb: str, initial: str = ""
    ) -> Result:
        if live.get("kind") == "CustomResourceDefinition":
            self._cluster.discovery.forget()
        try:
            live = await self._awaiter.ready(live, timeout)
        except NotReadyError as error:
            self._fence.forget(inputs)
            message = f"{label(live)} was {verb}, but it is not ready: {error.message}"
            raise PartialError(message, state_of(error.live, inputs, manager, initial)) from None
        except PosCloudError as error:
            # Whatever went wrong while waiting, the write was done and must be remembered.
            message = f"{label(live)} was {verb}; waiting for it failed: {error.message}"
            raise PartialError(message, state_of(live, inputs, manager, initial)) from None
        return state_of(live, inputs, manager, initial)

    async def delete(self, state: Object, timeout: float) -> None:
        """Delete exactly the object the state knows, and wait until it is gone."""
        if not await self._fence.admit_delete(state):
            return
        kind, metadata = state.get("kind"), state.get("metadata", {})
        annotations = metadata.get("annotations") or {}
        try:
            answer = await self._cluster.client.request(
                "DELETE", await self._cluster.path(state), body=delete_options(state)
            )
        except NoSuchKindError:
            return
        except ApiError as error:
            answer = await self._going(error, state)
        skipped = str(annotations.get(SKIP_AWAIT, "")).lower() == "true" and kind in SKIP_DELETE_AWAIT
        if get(answer, "metadata", "uid") and not skipped:
            answer = answered(answer, "a DELETE")
            if kind == "Namespace":
                await self._cluster.empty(str(metadata["name"]))
            await self._awaiter.gone(answer, timeout)
        if kind == "CustomResourceDefinition":
            self._cluster.discovery.forget()

    async def _going(self, error: ApiError, state: Object) -> Object:
        """What is still there of an object whose DELETE failed; empty when it is gone.

        Raises:
            ApiError: It is there and stays, and so does what is in it: a webhook or a rule refused.
        """
        # 409 with another uid: ours is gone, and what is there now belongs to someone else.
        if error.status == 404 or (error.status == 409 and "UID" in error.message):
            return {}
        live = (await self._cluster.get(state) or {}) if error.status == 409 else state
        if get(live, "metadata", "uid") != get(state, "metadata", "uid"):
            return {}
        if error.status != 409 or not get(live, "metadata", "deletionTimestamp"):
            raise error
        return live

    async def read(self, wanted: Object, inputs: Object, state: Object) -> Result | None:
        """The object as it is now; ``None`` when it is gone.

        Args:
            wanted: apiVersion, kind and name.
            inputs: The inputs of the last run; empty for an import.
            state: The stored outputs; empty for an import.

        Raises:
            PartialError: It is not ready. The engine keeps that in the state, and the next update waits for it: a
                run that was killed may have made the change and not have waited.
        """
        try:
            live = await self._cluster.get(wanted)
        except NoSuchKindError:
            return None
        if live is None or await self._fence.ends(live, self._awaiter.gone):
            return None
        if (mine := stacks(inputs, state)) and not mine & stacks(live):
            uid = get(state, "metadata", "uid")
            if uid and get(live, "metadata", "uid") != uid:
                return None  # ours is gone; what has its name now is somebody else's
            if is_taken(live, mine):
                raise taken(live, self._cluster.access.kubectl)
        manager = new_manager(inputs, state)
        found = await self._inputs_now(live, inputs, manager) if inputs else importable(live)
        result = state_of(live, found, manager, str(state.get("__initialApiVersion", "")))
        if inputs and (why := await self._awaiter.unready(live)):
            raise PartialError(f"{label(live)} is not ready: {why}", result)
        return result

    async def _inputs_now(self, live: Object, inputs: Object, manager: str) -> Object:
        """The inputs that describe the live object: the old ones, unless the server says it differs."""
        live = byhand.as_described(live, inputs)
        found: Object = prune(live, inputs)
        if not changes(found, inputs):
            return inputs
        try:
            # Laid over the live object, so that list items keep what the server added to them.
            patch = {key: union(live.get(key), value) for key, value in inputs.items() if key != "metadata"}
            patch["metadata"] = inputs["metadata"]
            same = prune(await self._cluster.try_patch(live, patch, manager), inputs)
        except ApiError:
            return found
        # Only spelled differently: 1000m and 1, 1024Mi and 1Gi.
        return found if changes(found, same) else inputs


def delete_options(state: Object) -> Object:
    """How to delete the object of a state: that very one, by its uid."""
    kind, uid = state.get("kind"), get(state, "metadata", "uid")
    policy = get(state, "metadata", "annotations", PROPAGATION_POLICY)
    policy = str(policy or ("background" if kind in LEAVES else "foreground"))
    options: Object = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": policy.capitalize(),
    }
    return {**options, "preconditions": {"uid": uid}} if uid else options


def importable(live: Object) -> Object:
    """The inputs of an object that no program has described yet."""
    hidden = (LAST_APPLIED, "deployment.kubernetes.io/revision")
    metadata = {key: value for key, value in live.get("metadata", {}).items() if key not in SERVER_SIDE}
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k not in hidden}
    if annotations:
        metadata["annotations"] = annotations
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def must_force(inputs: Object, default: bool) -> bool:
    """Whether to take over fields that others own."""
    value = get(inputs, "metadata", "annotations", PATCH_FORCE)
    return default if value is None else str(value).lower() == "true"


def with_live_values(inputs: Object, live: Object, ignored: Sequence[str]) -> Object:
    """The inputs with what ``ignoreChanges`` names as it is in the cluster, so that its owner keeps it."""
    return byhand.with_values(inputs, live, (tuple(path.split(".")) for path in ignored))


async def try_adoption(cluster: Cluster, inputs: Object, live: Object, manager: str) -> Object:
    """Ask the server what an object that is nobody's would be as ours; nothing is stored.

    What kubectl wrote on the client's side is taken over; fields that others own are not.

    Raises:
        PosCloudError: It cannot become what is described, or other managers own fields that would change.
    """
    uid, force = str(get(live, "metadata", "uid", default="")), must_force(inputs, cluster.settings.force)
    try:
        try:
            return await cluster.apply(inputs, manager, uid=uid, force=force, dry_run=True)
        except ApiError as error:
            if error.status != 409 or not only_ours(error, manager):
                raise
            return await cluster.apply(inputs, manager, uid=uid, force=True, dry_run=True)
    except ApiError as error:
        if error.status != 422:
            raise conflict(error, inputs) from None
        raise PosCloudError(
            f"{label(inputs)} exists already and cannot become what is described: {error.message}; it is unchanged",
            hint="describe it as it is; or save its data, delete it (kubectl delete) and run again; or choose another "
            "name",
        ) from None
