"""Who keeps an object from going away, and who has to let it go."""

from __future__ import annotations

import time
from typing import Any

from poscloud.engine.kubectl import ForbiddenError, Kubectl
from poscloud.provider.diagnosis import REMAINING, SHOWN

Object = dict[str, Any]

TELLING_SECONDS = 15.0
"""How long the controller of namespaces may take to tell what is still in one."""

SHOW = "--show-managed-fields"

KEEPERS = {
    "kubernetes": "removed by kube-controller-manager, when the namespace is empty",
    "foregroundDeletion": "removed by kube-controller-manager, when what it owns is gone",
    "orphan": "removed by kube-controller-manager",
    "kubernetes.io/pvc-protection": "removed by kube-controller-manager, when no pod uses it",
    "kubernetes.io/pv-protection": "removed by kube-controller-manager, when no claim uses it",
    "batch.kubernetes.io/job-tracking": "removed by kube-controller-manager, its Job controller",
    "service.kubernetes.io/load-balancer-cleanup": "removed by the cloud's controller manager, or the load balancer's",
}
"""Finalizers of Kubernetes itself → who removes them."""


def of_namespace(kubectl: Kubectl, namespace: str) -> list[str]:
    """Return what keeps a namespace from going away, in words: object, finalizer, who has to remove it.

    Its controller tells kinds only; the objects are asked for, as far as this user may.

    Raises:
        DeployError: The cluster does not answer.
    """
    live = _told(kubectl, namespace)
    if "deletionTimestamp" not in (live.get("metadata") or {}):
        return []
    found = [held(live)] if live["metadata"].get("finalizers") else []
    told = [c for c in live.get("status", {}).get("conditions") or () if c.get("status") == "True"]
    text = " ".join(str(c.get("message", "")) for c in told)
    for plural, group in dict.fromkeys(REMAINING.findall(text)):
        kind = f"{plural}.{group}" if group else plural
        try:
            items = kubectl.get(kind, "-n", namespace, SHOW).get("items", [])
        except ForbiddenError:
            found.append(f"{kind} (which ones, this user may not ask)")
            continue
        found += [held(item) for item in items[:SHOWN]]
        found += [f"and {len(items) - SHOWN} more {kind}"] if len(items) > SHOWN else []
    # Without an object: a group of the API whose server does not answer, so that nobody knows what there is.
    found = found or [f"{c.get('type')}: {c.get('message')}" for c in told]
    silent = f"Namespace {namespace} (finalizer kubernetes, {KEEPERS['kubernetes']}; it has not told yet what is left)"
    return found or [silent]


def _told(kubectl: Kubectl, namespace: str) -> Object:
    """Return the namespace; where it is being deleted, once its controller has told what is still in it."""
    deadline = time.monotonic() + TELLING_SECONDS
    while True:
        live = kubectl.get("namespace", namespace, SHOW)
        going = "deletionTimestamp" in (live.get("metadata") or {})
        conditions = (live.get("status") or {}).get("conditions") or ()
        if not going or any(c.get("status") == "True" for c in conditions) or time.monotonic() > deadline:
            return live
        time.sleep(0.5)


def held(live: Object) -> str:
    """Return an object with its finalizers, and who has to remove each."""
    meta = live["metadata"]
    label = f"{live['kind']} {'/'.join(filter(None, (meta.get('namespace'), meta['name'])))}"
    finalizers = meta.get("finalizers") or []
    if not finalizers:
        return f"{label} (no finalizer: it should go by itself)" if "deletionTimestamp" in meta else label
    return f"{label} ({'; '.join(f'finalizer {name}, {_keeper(name, live)}' for name in finalizers)})"


def _keeper(finalizer: str, live: Object) -> str:
    """Return who has to remove a finalizer, as far as that can be told from its name and the object."""
    if known := KEEPERS.get(finalizer):
        return known
    setters = sorted(
        {
            str(entry.get("manager"))
            for entry in live["metadata"].get("managedFields") or []
            if "f:finalizers" in ((entry.get("fieldsV1") or {}).get("f:metadata") or {})
        }
    )
    group = str(live.get("apiVersion", "")).rpartition("/")[0]
    domain = finalizer.partition("/")[0] if "/" in finalizer else ("" if "." not in group else group)
    owners = [f"{o['kind']} {o['name']}" for o in live["metadata"].get("ownerReferences") or []]
    words = [
        f"set by {', '.join(setters)}" if setters else "",
        f"owned by {', '.join(owners)}" if owners else "",
        f"to be removed by the controller of {domain}" if domain else "to be removed by who set it",
    ]
    return ", ".join(filter(None, words))
