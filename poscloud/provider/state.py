"""What the engine keeps of an object: all of it, or for poscloud's own objects only what their inputs do not say.

The state is read, copied and written in every run, and was mostly the same thing three times: the inputs, the inputs
again in the outputs, and the live object, which repeats them with defaults. Nobody reads the outputs of an object that
poscloud's components made; those of anybody else's object stay complete, as with the official plugin
(docs/decisions/0019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poscloud.provider.cluster import object_id
from poscloud.provider.diff import get
from poscloud.provider.kinds import STACK_ANNOTATION

Object = dict[str, Any]

_IDENTITY = ("name", "namespace", "uid")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OUR_WORDS = ("poscloud.io/", "pulumi.com/")


@dataclass(frozen=True)
class Result:
    """What the engine keeps of an object.

    Attributes:
        id: ``namespace/name``, or ``name``.
        outputs: What ``state_of`` keeps of the live object.
        inputs: What the program wants.
    """

    id: str
    outputs: Object
    inputs: Object


def state_of(live: Object, inputs: Object, manager: str, initial: str = "") -> Result:
    """What is kept of a live object.

    Args:
        live: The object as the server has it.
        inputs: What the program wants; if they carry a stack's annotation, only the object's identity is kept.
        manager: The field manager that wrote it.
        initial: Its apiVersion when it was made, if that is known.
    """
    outputs = identity(live) if is_own(inputs) else {**_without_managers(live), "__inputs": inputs}
    outputs["__initialApiVersion"] = initial or live.get("apiVersion", "")
    outputs["__fieldManager"] = manager
    return Result(object_id(live.get("metadata", {})), outputs, inputs)


def planned(result: Object, inputs: Object) -> Object:
    """What a preview shows as the outputs of an object that is not written yet."""
    return identity(result) if is_own(inputs) else result


def is_own(inputs: Object) -> bool:
    """Whether an object is one of poscloud's components'."""
    return bool(get(inputs, "metadata", "annotations", STACK_ANNOTATION))


def identity(live: Object) -> Object:
    """Which object it is, what deleting it has to know, and whether a Job failed."""
    metadata = {key: value for key in _IDENTITY if (value := get(live, "metadata", key))}
    annotations = get(live, "metadata", "annotations", default=None) or {}
    if ours := {key: value for key, value in annotations.items() if key.startswith(_OUR_WORDS)}:
        metadata["annotations"] = ours
    kept: Object = {"apiVersion": live.get("apiVersion"), "kind": live.get("kind"), "metadata": metadata}
    if live.get("kind") == "Job" and (conditions := get(live, "status", "conditions")):
        kept["status"] = {"conditions": conditions}
    return kept


def _without_managers(live: Object) -> Object:
    """The object without managedFields, which are often half of it, and a Secret without kubectl's copy of it.

    That copy is an annotation with every value in clear text, and annotations are no secrets in the state.
    """
    metadata = {key: value for key, value in live.get("metadata", {}).items() if key != "managedFields"}
    annotations = metadata.get("annotations") or {}
    if live.get("kind") == "Secret" and LAST_APPLIED in annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != LAST_APPLIED}
    return {**live, "metadata": metadata}
