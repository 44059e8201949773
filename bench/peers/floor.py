"""The floor: an asyncio client that sends every object, 32 at a time, and waits; nothing can be faster here.

Run as ``python -m bench.peers.floor LIST.json [--in-order]``, with KUBECONFIG. In order, a workload is sent when those
that it starts after are ready; nothing that does that can be faster.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from poscloud.provider.config import load
from poscloud.provider.rest import Client
from poscloud.render.names import START_AFTER_ANNOTATION

POLL = 0.1
WORKLOADS = ("Deployment", "StatefulSet")
CREATED = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Service": "/api/v1/namespaces/{}/services",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ResourceQuota": "/api/v1/namespaces/{}/resourcequotas",
    "LimitRange": "/api/v1/namespaces/{}/limitranges",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
}


async def bring_up(items: list[dict[str, Any]], *, in_order: bool = False) -> None:
    """Create the objects, in their start order if asked for, and wait until every pod is ready."""
    client = Client(load({}))
    namespaces = [item for item in items if item["kind"] == "Namespace"]
    for item in namespaces:
        await client.request("POST", "/api/v1/namespaces", body=item)
    others = [item for item in items if item["kind"] != "Namespace"]
    # The client itself has 32 requests under way at most.
    first = [item for item in others if not (in_order and item["kind"] in WORKLOADS)]
    await asyncio.gather(*(_create(client, item) for item in first))
    namespace = namespaces[0]["metadata"]["name"]
    if in_order:
        await _create_in_order(client, namespace, [item for item in others if item["kind"] in WORKLOADS])
    await _ready(client, namespace, others)


async def _create(client: Client, item: dict[str, Any]) -> None:
    path = CREATED[item["kind"]].format(item["metadata"]["namespace"])
    await client.request("POST", path, body=item)


async def _create_in_order(client: Client, namespace: str, workloads: list[dict[str, Any]]) -> None:
    waiting = {item["metadata"]["name"]: item for item in workloads}
    started: list[dict[str, Any]] = []
    while waiting:
        ready = await _names_ready(client, namespace) if started else set()
        now = [name for name, item in waiting.items() if not _after(item) - ready]
        await asyncio.gather(*(_create(client, waiting[name]) for name in now))
        started += [waiting.pop(name) for name in now]
        if not now:
            await asyncio.sleep(POLL)


def _after(item: dict[str, Any]) -> set[str]:
    return set(filter(None, item["metadata"]["annotations"].get(START_AFTER_ANNOTATION, "").split(",")))


async def _names_ready(client: Client, namespace: str) -> set[str]:
    answers = [await client.request("GET", CREATED[kind].format(namespace)) for kind in WORKLOADS]
    return {
        item["metadata"]["name"]
        for answer in answers
        for item in answer["items"]
        if item["status"].get("readyReplicas", 0) >= item["spec"]["replicas"]
    }


async def _ready(client: Client, namespace: str, items: list[dict[str, Any]]) -> None:
    wanted = {
        kind: sum(i["spec"].get("replicas", 1) for i in items if i["kind"] == kind) for kind in WORKLOADS
    }
    for kind, replicas in wanted.items():
        while replicas:
            answer = await client.request("GET", CREATED[kind].format(namespace))
            if sum(i["status"].get("readyReplicas", 0) for i in answer["items"]) >= replicas:
                break
            await asyncio.sleep(POLL)


if __name__ == "__main__":
    listed = json.loads(Path(sys.argv[1]).read_text())["items"]
    asyncio.run(bring_up(listed, in_order="--in-order" in sys.argv[2:]))
