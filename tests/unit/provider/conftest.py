"""A small API server on a real socket, with the answers each test gives it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from poscloud.provider.config import Access
from poscloud.provider.rest import Clock, StoppedError
from poscloud.provider.servicer import Provider
from poscloud.provider.values import encode

Object = dict[str, Any]


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """``None`` as status cuts the connection instead of answering; bytes as body are sent as they are."""

    status: int | None = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, reason: str, message: str, **details: Any) -> Answer:
    return Answer(status, {"kind": "Status", "reason": reason, "message": message, "details": details})


class FakeServer:
    """Answers by ``answer``; remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda _: Answer()
        self.connections = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:-2])}
                data = await reader.readexactly(int(headers.get("content-length", "0")))
                path, _, query = target.partition("?")
                request = Request(method, path, query, headers, json.loads(data) if data else None)
                self.requests.append(request)
                answer = self.answer(request)
                if answer.status is None:
                    return
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                extra = "".join(f"{key}: {value}\r\n" for key, value in answer.headers.items())
                writer.write(
                    f"HTTP/1.1 {answer.status} X\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def asked(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    listener = await asyncio.start_server(fake.handle, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield fake
    listener.close()


class FakeClock(Clock):
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)
        if self.stopped.is_set():
            raise StoppedError("stopped")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def access(server: FakeServer) -> Access:
    return Access(server.url, "test.yaml", "test", cluster={"server": server.url})


URN = "urn:pulumi:dev::shop::kubernetes:core/v1:ConfigMap::settings"
PASSWORD = "hunter2-very-secret"
KINDS = {
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "namespaces": "Namespace",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "persistentvolumes": "PersistentVolume",
    "pods": "Pod",
}
DISCOVERY = {
    "items": [
        {
            "metadata": {"name": ""},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": plural,
                            "responseKind": {"kind": kind},
                            "scope": "Cluster" if kind in ("Namespace", "PersistentVolume") else "Namespaced",
                        }
                        for plural, kind in KINDS.items()
                    ],
                }
            ],
        }
    ]
}
COLLECTION = "/api/v1/namespaces/default/configmaps"
OBJECT = f"{COLLECTION}/settings"


class Cluster:
    """Answers by method and path; discovery is always there."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        server.answer = self._answer

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def _answer(self, request: Request) -> Answer:
        if request.path in ("/api", "/apis"):
            return Answer(body=DISCOVERY if request.path == "/api" else {"items": []})
        known = self.answers.get((request.method, request.path))
        if not known:
            return refusal(404, "NotFound", f"{request.method} {request.path} not found")
        return known.pop(0) if len(known) > 1 else known[0]

    def writes(self) -> list[Request]:
        return [r for r in self.server.requests if r.method != "GET" and "dryRun" not in r.query]


@pytest.fixture
def cluster(server: FakeServer) -> Cluster:
    return Cluster(server)


@pytest.fixture
async def stub(server: FakeServer) -> AsyncIterator[provider_pb2_grpc.ResourceProviderStub]:
    grpc_server = grpc.aio.server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), grpc_server)
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    await grpc_server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    await grpc_server.stop(0)


async def configure(stub: Any, server: FakeServer, **variables: str) -> None:
    kubeconfig = {
        "current-context": "ctx",
        "contexts": [{"name": "ctx", "context": {"cluster": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
    }
    given = {"kubeconfig": json.dumps(kubeconfig), **variables}
    answer = await stub.Configure(
        provider_pb2.ConfigureRequest(
            variables={f"kubernetes:config:{key}": text for key, text in given.items()}
        )
    )
    assert answer.acceptSecrets and answer.supportsPreview


def config_map(**data: str) -> Object:
    metadata = {"name": "settings", "namespace": "default", "annotations": {"poscloud.io/stack": "shop/dev"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def stored(obj: Object, manager: str = "pulumi-kubernetes-1", **meta: Any) -> Object:
    entry = {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z"}
    fields = {"fieldsV1": {"f:data": {f"f:{key}": {} for key in obj.get("data", {})}}}
    added = {"uid": "u-1", "resourceVersion": "7", "managedFields": [{**entry, **fields}], **meta}
    return {**obj, "metadata": {**obj["metadata"], "creationTimestamp": "2026-01-01T00:00:00Z", **added}}


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    assert isinstance(error, grpc.aio.AioRpcError)
    return error


async def diff(stub: Any, old: Object, new: Object, **more: Any) -> Any:
    state = encode(stored(old))
    request = provider_pb2.DiffRequest(urn=URN, olds=state, old_inputs=encode(old), news=encode(new), **more)
    return await stub.Diff(request)


async def create(stub: Any, obj: Object, **more: Any) -> Any:
    return await stub.Create(provider_pb2.CreateRequest(urn=URN, properties=encode(obj), **more))
