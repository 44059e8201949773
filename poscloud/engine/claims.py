"""Which volume claims of a stack nothing uses any more: what is removed wrongly here is data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from poscloud.engine.inventory import CLAIM, Item, item_of, listed
from poscloud.engine.kubectl import Kubectl
from poscloud.render.names import STACK_ANNOTATION

TEMPLATES = ("StatefulSet", "Deployment", "DaemonSet", "Job")

NEEDED = (CLAIM, "Pod", "StatefulSet", "Deployment", "Job")
"""Kinds without which nothing can be said."""

OTHERS = ("DaemonSet", "CronJob")
"""Kinds that no environment has; their pods are looked at, and they themselves where that is allowed."""

Object = dict[str, Any]


@dataclass(frozen=True)
class Claims:
    """The claims in a namespace; they hold data.

    Attributes:
        all: Every one.
        unused: Those of a StatefulSet of this stack's, or with its annotation, that nothing uses now.
        unchecked: Why it cannot be told which are used; empty when it can.
    """

    all: list[Item] = field(default_factory=list)
    unused: list[Item] = field(default_factory=list)
    unchecked: str = ""


def look(kubectl: Kubectl, stack: str, owner: str) -> Claims:
    """Tell which claims of a stack nothing uses.

    Args:
        kubectl: The cluster.
        stack: The environment; its namespace has to be its own.
        owner: ``project/stack``.

    Raises:
        DeployError: The cluster does not answer.
    """
    found, refused = listed(kubectl, [*NEEDED, *OTHERS], "-n", stack)
    claims = [entry for entry in found if entry["kind"] == CLAIM]
    everything = [item_of(entry) for entry in claims]
    if lacking := [kind for kind in NEEDED if kind in refused]:
        return Claims(everything, [], f"{', '.join(lacking)}: listing them is not allowed to this user")
    named = {name for entry in found for name in _named(entry)}
    sets = [entry for entry in found if entry["kind"] == "StatefulSet"]
    unused = [
        entry
        for entry in claims
        if _is_ours(entry, owner)
        and entry["metadata"]["name"] not in named
        and not any(_belongs(entry["metadata"]["name"], each) for each in sets)
    ]
    return Claims(everything, [item_of(entry) for entry in unused])


def _is_ours(claim: Object, owner: str) -> bool:
    """Whether a claim says that it is this stack's, or is as the controller makes those of a StatefulSet.

    The controller names them TEMPLATE-SET-ORDINAL and gives them the selector's labels; of poscloud's StatefulSets
    these are ``data`` and ``app`` with the set's name (render/stateful.py).
    """
    meta = claim["metadata"]
    if meta.get("ownerReferences"):
        return False  # somebody looks after it
    if says := (meta.get("annotations") or {}).get(STACK_ANNOTATION):
        return bool(says == owner)
    app = (meta.get("labels") or {}).get("app")
    return bool(app and re.fullmatch(rf"data-{re.escape(app)}-\d+", meta["name"]))


def _belongs(name: str, stateful_set: Object) -> bool:
    """Whether a StatefulSet that is there may use a claim of this name, now or when it is scaled up again."""
    templates = stateful_set["spec"].get("volumeClaimTemplates") or []
    prefixes = [f"{t['metadata']['name']}-{stateful_set['metadata']['name']}-" for t in templates]
    return any(name.startswith(prefix) and name.removeprefix(prefix).isdigit() for prefix in prefixes)


def _named(entry: Object) -> Iterator[str]:
    """Yield the claims that a pod, or the pods of a workload, name."""
    spec = entry.get("spec") or {}
    if entry["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]["template"]["spec"]
    elif entry["kind"] in TEMPLATES:
        spec = spec["template"]["spec"]
    elif entry["kind"] != "Pod":
        return
    for volume in spec.get("volumes") or []:
        if claim := volume.get("persistentVolumeClaim"):
            yield claim["claimName"]
