"""The floor: an asyncio client that sends every object, 32 at a time, and waits; nothing can be faster here.

Run as ``python -m bench.peers.floor LIST.json``, with KUBECONFIG.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from poscloud.provider.config import load
from poscloud.provider.rest import Client

POLL = 0.1
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


async def bring_up(items: list[dict[str, Any]]) -> None:
    """Create the objects and wait until every pod is ready."""
    client = Client(load({}))
    namespaces = [item for item in items if item["kind"] == "Namespace"]
    for item in namespaces:
        await client.request("POST", "/api/v1/namespaces", body=item)
    others = [item for item in items if item["kind"] != "Namespace"]
    # The client itself has 32 requests under way at most.
    await asyncio.gather(*(_create(client, item) for item in others))
    await _ready(client, namespaces[0]["metadata"]["name"], others)


async def _create(client: Client, item: dict[str, Any]) -> None:
    path = CREATED[item["kind"]].format(item["metadata"]["namespace"])
    await client.request("POST", path, body=item)


async def _ready(client: Client, namespace: str, items: list[dict[str, Any]]) -> None:
    wanted = {
        kind: sum(i["spec"].get("replicas", 1) for i in items if i["kind"] == kind)
        for kind in ("Deployment", "StatefulSet")
    }
    for kind, replicas in wanted.items():
        while replicas:
            answer = await client.request("GET", CREATED[kind].format(namespace))
            if sum(i["status"].get("readyReplicas", 0) for i in answer["items"]) >= replicas:
                break
            await asyncio.sleep(POLL)


if __name__ == "__main__":
    asyncio.run(bring_up(json.loads(Path(sys.argv[1]).read_text())["items"]))
