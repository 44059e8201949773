"""Questions about what surrounds an object, asked when it takes long: pods, events, last words, what is left."""

from __future__ import annotations

import re
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.provider.cluster import Cluster, label
from poscloud.provider.diff import get
from poscloud.provider.trouble import LOG_LINES, Related, relate

Object = dict[str, Any]

SHOWN = 5
"""How many remaining objects of one kind are named."""
REMAINING = re.compile(r"([a-z0-9-]+)\.([a-z0-9.-]*) has \d+ resource instances")
"""How a namespace that is being deleted tells what is still in it: plural and group."""

NO_LOG = "unable to retrieve container logs for "
"""How a kubelet says, in the place of a log, that a container is gone that ended again and again."""


async def related(cluster: Cluster, obj: Object, facts: dict[str, str], written: str) -> Related:
    """The pods and Warning events of the object, as far as we may read them.

    Args:
        cluster: Where.
        obj: The object that is waited for.
        facts: What is known already.
        written: When it was last written; events before that tell of another change.
    """
    meta, pods = obj["metadata"], [obj] if obj["kind"] == "Pod" else []
    namespace = str(meta.get("namespace", ""))
    if not namespace:
        return Related(pods, facts=facts)
    if labels := get(obj, "spec", "selector", "matchLabels", default={}):
        # All of the namespace's at once: when it takes long, it does so for many objects together.
        found = await cluster.list_together("v1", "pods", namespace)
        pods = [p for p in found if labels.items() <= get(p, "metadata", "labels", default={}).items()]
    warnings = await cluster.list_together("v1", "events", namespace, fieldSelector="type=Warning")
    return relate(obj, pods, warnings, facts, written)


async def last_words(cluster: Cluster, namespace: str, container: tuple[str, str]) -> str:
    """The last lines that a container which ended wrote; empty when they cannot be had.

    Args:
        cluster: Where.
        namespace: Its pod's namespace.
        container: Names of pod and container.
    """
    pod, name = container
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
    for previous in ("true", "false"):
        query = {"container": name, "tailLines": str(LOG_LINES), "previous": previous}
        try:
            text = (await cluster.client.text(path, query)).strip()
        except PosCloudError:
            continue  # not every kubelet has the log of a container that is gone
        if text and not text.startswith(NO_LOG):
            lines = "\n".join(f"    {line}" for line in text.splitlines()[-LOG_LINES:])
            return f"\n  its last lines ({namespace}/{pod}, {name}):\n{lines}"
    return ""


async def remaining(cluster: Cluster, namespace: Object, without: str = "") -> str:
    """Which objects keep a namespace from going away, with their finalizers and who set those.

    The namespace's controller tells kinds and numbers only.

    Args:
        cluster: Where.
        namespace: The live namespace.
        without: Plural of a kind that is left out.
    """
    told = " ".join(str(c.get("message", "")) for c in get(namespace, "status", "conditions", default=[]))
    shown: list[str] = []
    for plural, group in dict.fromkeys(REMAINING.findall(told)):
        version = await cluster.discovery.version_of(plural, group)
        if version and plural != without:
            items = await cluster.list(version[0], plural, str(namespace["metadata"]["name"]))
            items = [{"kind": version[1], **item} for item in items]
            shown += [_held(item) for item in items[:SHOWN]]
            shown += [f"and {len(items) - SHOWN} more {plural}"] if len(items) > SHOWN else []
    return f"; remaining: {', '.join(shown)}" if shown else ""


def _held(obj: Object) -> str:
    finalizers = get(obj, "metadata", "finalizers", default=[])
    if not finalizers:
        return label(obj)
    setters = {
        str(entry.get("manager"))
        for entry in get(obj, "metadata", "managedFields", default=[])
        if get(entry, "fieldsV1", "f:metadata", "f:finalizers") is not None
    }
    by = f", set by {', '.join(sorted(setters))}" if setters else ""
    return f"{label(obj)} (finalizers {', '.join(finalizers)}{by})"
