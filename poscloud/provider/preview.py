"""What would change: asked of the API server in dry runs, or told from the inputs where that is not possible."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.provider import byhand
from poscloud.provider.cluster import Cluster, is_ours, label
from poscloud.provider.crud import must_force, new_manager, try_adoption, with_live_values
from poscloud.provider.diff import (
    Change,
    Path,
    changes,
    covers,
    get,
    merge_patch,
    owns,
    prune,
    union,
    without,
)
from poscloud.provider.discovery import NoSuchKindError
from poscloud.provider.fence import Fence, may_exist
from poscloud.provider.kinds import AUTONAMED, GUARDED, LOST, STACK_ANNOTATION, replace_paths
from poscloud.provider.refusals import conflict, deleted_outside, only_ours
from poscloud.provider.rest import ApiError, UnreachableError
from poscloud.provider.values import has_unknowns
from poscloud.provider.waits import is_awaited, is_failed_job

ALLOW_REPLACE = "POSCLOUD_ALLOW_REPLACE"

Object = dict[str, Any]


@dataclass(frozen=True)
class Diff:
    """What an update would do.

    Attributes:
        changes: Every field that would change.
        replaces: Those of them that replace the object.
        delete_first: Whether the old object must go before the new one can come.
    """

    changes: Sequence[Change] = ()
    replaces: Sequence[Change] = field(default=())
    delete_first: bool = False


class Preview:
    """Dry runs against one cluster.

    Args:
        cluster: Where.
        fence: Refuses what a real run would not be let do.
        warn: Tells a person, once for each first argument, what could not be checked.
    """

    def __init__(self, cluster: Cluster, fence: Fence, warn: Callable[[str, str], None]) -> None:
        self._cluster, self._fence, self._warn = cluster, fence, warn

    async def diff(
        self, old_inputs: Object, news: Object, state: Object, ignored: Sequence[str] = ()
    ) -> Diff:
        """Compare what the program wants with what is there.

        Raises:
            PosCloudError: The API server would refuse the change, or it would replace a guarded object.
        """
        if is_failed_job(state):
            again = [Change(("status",), "update", "Failed", "to be run again")]
            return Diff(again, again, True)
        if old_inputs == news:
            return Diff()
        old_inputs, news = with_namespace(old_inputs), with_namespace(news)
        stated = without(changes(old_inputs, news), ignored)
        if not stated:
            return Diff()
        await self._admit(news, state)
        table = replace_paths(news, self._cluster.settings.mutable)
        accepted = False
        moved = any(
            covers(rule, c.path) for c in stated for rule in ("metadata.name", "metadata.namespace", "kind")
        )
        found = stated
        if not moved and not has_unknowns(news):
            found, accepted = await self._asked(stated, old_inputs, news, table)
            found = without(found, ignored)
        replaces = [c for c in found if moved or any(covers(rule, c.path) for rule in table)]
        guarded = get(state, "metadata", "annotations", STACK_ANNOTATION) or get(
            news, "metadata", "annotations", STACK_ANNOTATION
        )
        if guarded and news.get("kind") in GUARDED and replaces:
            if accepted:  # the server changes it in place, so there is no reason to destroy anything
                return Diff(found)
            _guard(state, news, replaces)
        if replaces:
            lost = LOST.get(str(news.get("kind")), "it is gone for a moment")
            told = f"{label(state)} will be deleted and created anew, because this cannot change in place: "
            self._warn(f"replace {label(state)}", f"{told}{_fields(news, replaces)}; {lost}")
        same = all(get(state, "metadata", key) == get(news, "metadata", key) for key in ("name", "namespace"))
        autonamed = get(news, "metadata", "annotations", AUTONAMED) == "true"
        return Diff(found, replaces, bool(replaces) and same and not autonamed)

    async def _asked(
        self, stated: list[Change], old_inputs: Object, news: Object, table: Sequence[str]
    ) -> tuple[list[Change], bool]:
        """The changes as the server sees them, and whether it would make them in place."""
        try:
            live = await self._cluster.get(news)
            if live is None:
                return stated, False
            patch = merge_patch(old_inputs, news, _removable(live))
            result = await self._cluster.try_patch(news, patch, new_manager(news)) if patch else live
        except (ApiError, NoSuchKindError, UnreachableError) as error:
            if isinstance(error, ApiError) and error.status == 422:
                if any(covers(rule, change.path) for change in stated for rule in table):
                    return stated, False
                raise _immutable(error, news) from None
            self._tolerate(error, news)
            return stated, False
        shape = union(old_inputs, news)
        found = changes(prune(live, shape), prune(result, shape))
        if not found and is_awaited(news):
            # An earlier run made the change and was cut short; what is left of it is the waiting.
            found = [c for c in stated if c.new is not None and get(live, *c.path) == c.new]
        return found, True

    async def create(self, inputs: Object) -> Object:
        """What a create would give; the inputs where that cannot be known yet."""
        await self._admit(inputs, planned=True)
        if has_unknowns(inputs):
            return inputs
        try:
            result = await self._cluster.create(inputs, new_manager(inputs), dry_run=True)
        except NoSuchKindError:
            return inputs
        except (ApiError, UnreachableError) as error:
            if may_exist(error, inputs) and (live := await self._cluster.get(inputs)):
                return await self._existing(inputs, live)
            if not (isinstance(error, ApiError) and error.status == 404):
                self._tolerate(error, inputs)
            return inputs
        return {key: value for key, value in result.items() if key != "status"}

    async def update(
        self, inputs: Object, state: Object, ignored: Sequence[str] = (), before: Object | None = None
    ) -> Object:
        """What an update would give, including conflicts with other field managers."""
        await self._admit(inputs, state, planned=True)
        if has_unknowns(inputs):
            return inputs
        manager, uid = new_manager(inputs, state), str(get(state, "metadata", "uid", default=""))
        force = must_force(inputs, self._cluster.settings.force)
        try:
            live = await self._cluster.get(inputs)
            if live is None:
                raise deleted_outside(inputs)
            wanted = with_live_values(inputs, live, ignored)
            wanted = byhand.with_values(wanted, live, byhand.kept(live, before or {}, inputs))
            try:
                return await self._cluster.apply(wanted, manager, uid=uid, force=force, dry_run=True)
            except ApiError as error:
                by_hand = byhand.only_by_hand(error)
                if error.status != 409 or not (by_hand or only_ours(error, manager)):
                    raise conflict(error, inputs) from None
                # Before the first update the fields are still ours in another way; that is no conflict.
                return await self._cluster.apply(wanted, manager, uid=uid, force=True, dry_run=True)
        except (ApiError, NoSuchKindError, UnreachableError) as error:
            self._tolerate(error, inputs)
            return inputs

    async def _admit(self, inputs: Object, state: Object | None = None, *, planned: bool = False) -> None:
        """Ask the fence; where the cluster cannot be asked, a preview goes on."""
        try:
            await self._fence.admit(inputs, state, preview=True)
            if planned:
                self._fence.plan(inputs)
        except (ApiError, UnreachableError) as error:
            self._tolerate(error, inputs)

    async def _existing(self, inputs: Object, live: Object) -> Object:
        """What would become of an object that exists: taken in where the fence allows it, else told."""
        stack = get(inputs, "metadata", "annotations", STACK_ANNOTATION)
        owner = get(live, "metadata", "annotations", STACK_ANNOTATION)
        if not owner and self._fence.may_adopt(inputs):
            return await try_adoption(self._cluster, inputs, live, new_manager(inputs))
        entries = get(live, "metadata", "managedFields", default=[])
        ours = stack and owner == stack
        if not ours and not any(is_ours(entry, "") for entry in entries):
            name = label(inputs)
            self._warn(name, f"{name} exists already and is not this stack's; up will refuse to touch it")
        return inputs

    def _tolerate(self, error: PosCloudError, inputs: Object) -> None:
        """Go on without the server's opinion where a preview may; raise otherwise."""
        if isinstance(error, UnreachableError):
            self._warn("unreachable", f"{error.message}; nothing was checked against the cluster")
        elif isinstance(error, ApiError) and error.status == 403 and error.reason == "Forbidden":
            if "is forbidden: User" not in error.message:
                raise error  # a quota or an admission rule refuses the object itself
            kind = str(inputs.get("kind"))
            text = f"{kind} could not be checked against the cluster: {error.message}"
            self._warn(kind, f"{text}; {error.hint}" if error.hint else text)
        elif isinstance(error, ApiError) and "dry run" in error.message.replace("-", " "):
            self._warn(
                label(inputs), f"{label(inputs)} could not be checked against the cluster: {error.message}"
            )
        elif not isinstance(error, NoSuchKindError):
            raise error


def with_namespace(obj: Object) -> Object:
    """The object with an empty namespace left out: it means the default one."""
    metadata = obj.get("metadata") or {}
    if not isinstance(metadata, dict):
        return obj  # known after the deployment
    metadata = {key: value for key, value in metadata.items() if value or key != "namespace"}
    return {**obj, "metadata": metadata}


def _removable(live: Object) -> Callable[[Path], bool]:
    """Whether removing a field from the program removes it from the object: only if we own it."""
    ours = [
        entry.get("fieldsV1") or {}
        for entry in get(live, "metadata", "managedFields", default=[])
        if is_ours(entry, "")
    ]
    return lambda path: any(owns(fields, path) for fields in ours)


def _immutable(error: ApiError, news: Object) -> PosCloudError:
    words = ("immutable", "updates to", "may not be changed", "cannot be changed", "can not be changed")
    if not any(word in error.message for word in words):
        return error
    return PosCloudError(
        f"{label(news)} cannot be changed in place: {error.message}",
        hint="give the object another name, or name the field in replace_on_changes",
    )


def _guard(state: Object, news: Object, replaces: Sequence[Change]) -> None:
    kind, name = str(news.get("kind")), get(state, "metadata", "name")
    allowed = [entry.strip() for entry in os.environ.get(ALLOW_REPLACE, "").split(",")]
    if f"{kind}/{name}" in allowed:
        return
    raise PosCloudError(
        f"{label(state)} would have to be deleted and created anew, because this cannot change in place: "
        f"{_fields(news, replaces)}. "
        f"That loses {GUARDED[kind]}",
        hint=f"undo the change, or allow it for this one run: {ALLOW_REPLACE}={kind}/{name}",
    )


def _fields(news: Object, replaces: Sequence[Change]) -> str:
    """What replaces the object, old and new; a Secret's values are left out."""
    if news.get("kind") == "Secret":
        return "; ".join(c.text for c in replaces)
    return "; ".join(f"{c.text}: {_short(c.old)} → {_short(c.new)}" for c in replaces)


def _short(value: Any) -> str:
    text = "(nothing)" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
