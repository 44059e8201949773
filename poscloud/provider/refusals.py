"""What a write is refused with, in words a person can act on."""

from __future__ import annotations

from poscloud.errors import PosCloudError
from poscloud.provider.cluster import Object, created_by, is_ours, label, object_id
from poscloud.provider.diff import get
from poscloud.provider.kinds import PATCH_FORCE, STACK_ANNOTATION
from poscloud.provider.rest import ApiError


def foreign(live: Object) -> PosCloudError:
    """The error for an object that exists and is not ours."""
    stack = get(live, "metadata", "annotations", STACK_ANNOTATION)
    owner = f"; it belongs to stack {stack}" if stack else ""
    kind, where = live.get("kind"), object_id(live["metadata"])
    take = f", or take it into this stack: ResourceOptions(import_={where!r})"
    return PosCloudError(
        f"{kind} {where} exists already{created_by(live)}{owner}; nothing was changed",
        hint=f"choose another name{'' if stack else take}",
    )


def deleted_outside(inputs: Object) -> PosCloudError:
    """The error for an update of an object that is no longer there."""
    return PosCloudError(
        f"{label(inputs)} was deleted outside of Pulumi",
        hint="run again with --refresh; it is then created anew",
    )


def without_namespace(error: PosCloudError, inputs: Object) -> PosCloudError:
    """The error for an object whose namespace is not there, or is being deleted, with what to do."""
    namespace = get(inputs, "metadata", "namespace")
    if not namespace:
        return error
    if f'namespaces "{namespace}" not found' in error.message:
        happened, otherwise = "is not there", "create it first, or correct its name"
    elif "it is being terminated" in error.message:
        happened, otherwise = "is being deleted", "wait until it is gone, or choose another one"
    else:
        return error
    return PosCloudError(
        f"{error.message}; namespace {namespace} {happened}",
        hint=f"if this stack had made it, run again with --refresh: all that was in it is created anew; else "
        f"{otherwise}",
    )


def conflict(error: ApiError, inputs: Object) -> PosCloudError:
    """The error of an apply, with the ways out when another manager owns the fields."""
    if error.status != 409:
        return error
    if "uid" in error.message.lower():
        return deleted_outside(inputs)
    fields = (
        "; ".join(f"{cause.get('field')}: {cause.get('message')}" for cause in error.causes) or error.message
    )
    return PosCloudError(
        f"{label(inputs)}: another field manager owns what this would change; the object is unchanged: {fields}",
        hint="three ways out: ignore what it writes (name the field in ignore_changes), give up the field (remove it "
        f'from the program), or force it (annotation {PATCH_FORCE}: "true")',
    )


def only_ours(error: ApiError, manager: str) -> bool:
    """Whether an apply conflicts with nothing but what this provider wrote earlier in another way."""
    owners = [str(cause.get("message", "")).split('"')[1::2] for cause in error.causes]
    return bool(owners) and all(owner and is_ours({"manager": owner[0]}, manager) for owner in owners)
