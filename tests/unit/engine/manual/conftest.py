"""A small API server with one Deployment of a stack, its namespace, and the ledger."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from poscloud.engine.drift.described import Described
from poscloud.engine.manual.entry import Change, Entry
from poscloud.engine.manual.ledger import Ledger
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import Access
from poscloud.provider.diff import get
from tests.unit.provider.conftest import Answer, FakeClock, FakeServer, Request, refusal

Object = dict[str, Any]

REPLICAS = ("spec", "replicas")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENTRY = Entry(
    "scale", "apps/v1", "Deployment", "web", (Change(REPLICAS, 1, 3),), "li", "load test", NOON, NOON
)
NAMESPACE = "/api/v1/namespaces/shop"
MAPS = f"{NAMESPACE}/configmaps"
LEDGER = f"{MAPS}/poscloud-manual"
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
INPUTS: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 1},
}


def merged(old: Any, patch: Any) -> Any:
    """Return what a strategic merge patch makes of a value whose lists have names."""
    if isinstance(patch, list) and all(isinstance(item, dict) and "name" in item for item in patch):
        items = {item["name"]: item for item in old or []}
        for item in patch:
            items[item["name"]] = merged(items.get(item["name"]), item)
        gone = {item["name"] for item in patch if item.get("$patch") == "delete"}
        return [item for name, item in items.items() if name not in gone]
    if not isinstance(patch, dict):
        return patch
    both = {**(old if isinstance(old, dict) else {})}
    for key, value in patch.items():
        both[key] = merged(both.get(key), value)
    return {key: value for key, value in both.items() if value is not None}


def resource(plural: str, kind: str) -> Object:
    scope = "Cluster" if kind == "Namespace" else "Namespaced"
    return {"resource": plural, "responseKind": {"kind": kind}, "scope": scope}


def group(name: str, *resources: Object) -> Object:
    return {
        "items": [{"metadata": {"name": name}, "versions": [{"version": "v1", "resources": [*resources]}]}]
    }


class Shop:
    """The namespace ``shop``.

    Attributes:
        lost: Answers to a PATCH of the Deployment that get lost after it was done.
        refuses: What such a PATCH is answered with instead.
        spares: What the DELETE of a pod is answered with instead.
    """

    def __init__(self, server: FakeServer) -> None:
        server.answer = self._answer
        self.server, self.lost = server, 0
        self.refuses: Answer | None = None
        self.spares: Answer | None = None
        web = copy.deepcopy(INPUTS)
        web["metadata"] |= {"uid": "u-1", "resourceVersion": "1", "managedFields": []}
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "shop", "resourceVersion": "1"},
        }
        self.objects: dict[str, Object] = {WEB: web, NAMESPACE: namespace}
        access = Access(server.url, "test.yaml", "test", cluster={"server": server.url})
        self.cluster = Cluster(access, Settings(), FakeClock())
        self.ledger = Ledger(self.cluster, "shop")
        self.described = Described("urn", "web", INPUTS, False, {"__fieldManager": "pulumi-kubernetes-1"})

    async def live(self) -> Object:
        return await self.cluster.get(INPUTS) or {}

    @property
    def replicas(self) -> int:
        return int(self.objects[WEB]["spec"]["replicas"])

    def put_to_sleep(self) -> None:
        """As ``env sleep`` does; a workload that had no pods gets no mark."""
        self.objects[NAMESPACE]["metadata"]["annotations"] = {"poscloud.io/asleep": "2026-11-22T10:00:00Z"}

    def write(self, path: str, patch: Object, manager: str) -> Object:
        """Write to an object as somebody."""
        live = merged(self.objects[path], patch)
        live["metadata"]["resourceVersion"] = str(int(live["metadata"]["resourceVersion"]) + 1)
        if "spec" in patch:
            fields = {"f:spec": {"f:replicas": {}}}
            live["metadata"]["managedFields"] = [
                {"manager": manager, "operation": "Update", "fieldsV1": fields}
            ]
        self.objects[path] = live
        return live

    def _answer(self, request: Request) -> Answer:
        if request.path == "/api":
            kinds = {"configmaps": "ConfigMap", "namespaces": "Namespace", "pods": "Pod"}
            return Answer(body=group("", *(resource(plural, kind) for plural, kind in kinds.items())))
        if request.path == "/apis":
            return Answer(body=group("apps", resource("deployments", "Deployment")))
        if request.method == "DELETE":
            return self._deleted(request)
        if request.method == "POST":
            metadata = {**request.body["metadata"], "resourceVersion": "1"}
            self.objects[f"{request.path}/{metadata['name']}"] = {**request.body, "metadata": metadata}
            return Answer(201, request.body)
        live = self.objects.get(request.path)
        if live is None:
            return refusal(404, "NotFound", f"{request.path} not found")
        return Answer(body=live) if request.method == "GET" else self._patched(request, live)

    def _deleted(self, request: Request) -> Answer:
        live = self.objects.get(request.path)
        if live is None:
            return refusal(404, "NotFound", f"{request.path} not found")
        if self.spares:
            return self.spares
        if get(request.body, "preconditions", "uid") != live["metadata"]["uid"]:
            return refusal(409, "Conflict", "the UID in the precondition does not match")
        return Answer(body=self.objects.pop(request.path))

    def add_pod(self, name: str, uid: str) -> None:
        """Have a pod of ``web`` run."""
        metadata = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": "1"}
        self.objects[f"{NAMESPACE}/pods/{name}"] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "status": {"phase": "Running"},
        }

    def _patched(self, request: Request, live: Object) -> Answer:
        if request.path == WEB and self.refuses:
            return self.refuses
        version = get(request.body, "metadata", "resourceVersion")
        if version not in (None, live["metadata"]["resourceVersion"]):
            return refusal(409, "Conflict", "the object has been modified")
        manager = dict(pair.split("=") for pair in request.query.split("&") if pair).get("fieldManager", "")
        done = self.write(request.path, request.body, manager)
        if request.path == WEB and self.lost:
            self.lost -= 1
            return Answer(None)
        return Answer(body=done)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    server = FakeServer()
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield Shop(server)
    listener.close()
