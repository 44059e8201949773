"""What is kept of a namespace, and when it is refused."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.archive.containers import images_of
from poscloud.cluster.archive.stores.folder import FolderStore
from poscloud.cluster.archive.verify import verify
from poscloud.errors import ArchiveError, AuthError
from poscloud.provider.config import Access
from tests.unit.cluster.archives import RUNNING, Namespace, collect, pod
from tests.unit.provider.conftest import Answer, FakeServer, Request, refusal

ENDED = {"terminated": {"exitCode": 1}}
BACK_OFF = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ENDED, "restartCount": 3}
CREATING = {"state": {"waiting": {"reason": "ImagePullBackOff"}}, "restartCount": 0}


def outcomes(manifest: bytes) -> dict[str, str]:
    """Return ``POD/CONTAINER RUN`` → the log's file, or the reason why there is none."""
    logs = json.loads(manifest)["logs"]
    return {f"{e['pod']}/{e['container']} {e['run']}": e.get("file") or e["reason"] for e in logs}


async def test_current_and_previous_logs_of_every_container(
    server: FakeServer, access: Access, tmp_path: Path
) -> None:
    twice = {"state": {"running": {}}, "lastState": ENDED, "restartCount": 1}
    server.answer = Namespace(
        pod("a", init={"state": ENDED}, main=twice, side=RUNNING), pod("b", main=BACK_OFF)
    )
    folder, manifest = await collect(access, tmp_path)
    assert outcomes(manifest) == {
        "a/prepare current": "logs/a/prepare.log.gz",
        "a/main current": "logs/a/main.log.gz",
        "a/main previous": "logs/a/main.previous.log.gz",
        "a/side current": "logs/a/side.log.gz",
        "b/main current": "not running: CrashLoopBackOff",
        "b/main previous": "logs/b/main.previous.log.gz",
    }
    assert gzip.decompress((folder / "logs/a/main.log.gz").read_bytes()) == b"log of a/main\n"
    assert (
        gzip.decompress((folder / "logs/b/main.previous.log.gz").read_bytes()) == b"log of b/main?previous\n"
    )
    assert (
        verify(FolderStore(tmp_path / "kept"), str(folder.relative_to(tmp_path / "kept")), manifest).files
        == 16
    )


async def test_what_never_ran_has_no_log(server: FakeServer, access: Access, tmp_path: Path) -> None:
    evicted = pod("c")
    evicted["spec"]["containers"] = [{"name": "main", "image": "main:1"}]
    evicted["status"] = {"phase": "Failed", "reason": "Evicted"}
    server.answer = Namespace(pod("a", main=CREATING), evicted)
    _, manifest = await collect(access, tmp_path)
    assert outcomes(manifest) == {
        "a/main current": "never started: ImagePullBackOff",
        "c/main current": "no status; the pod is Failed, Evicted",
    }
    assert not [r for r in server.requests if r.path.endswith("/log")]


async def test_a_pod_that_vanishes_is_recorded(server: FakeServer, access: Access, tmp_path: Path) -> None:
    server.answer = namespace = Namespace(pod("a", main=RUNNING))
    namespace.gone = {"a"}
    _, manifest = await collect(access, tmp_path)
    assert outcomes(manifest) == {"a/main current": "the pod was gone before its log could be read"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refusal(500, "InternalError", "dial tcp 10.0.0.9:10250: no route"), "no route"),
        (refusal(404, "NotFound", "the server could not find the requested resource"), "could not find"),
        (refusal(403, "Forbidden", 'User "ci" cannot get resource "pods/log"'), "cannot get"),
        (Answer(200, b"unable to retrieve container logs for containerd://12ab"), "unable to retrieve"),
    ],
    ids=["node away", "pod there, no log", "forbidden", "kubelet says so as a log"],
)
async def test_a_log_that_cannot_be_read_is_a_failure(
    answer: Answer, says: str, server: FakeServer, access: Access, tmp_path: Path
) -> None:
    server.answer = namespace = Namespace(pod("a", main=RUNNING, side=RUNNING))
    namespace.logs["a/side"] = answer
    with pytest.raises(
        ArchiveError, match=r"1 log cannot be read:\n  pod a, container side \(current\) on node node1"
    ) as told:
        await collect(access, tmp_path)
    assert says in told.value.message
    assert not list(tmp_path.rglob("manifest.json"))


async def test_many_that_cannot_be_read_are_told_together(
    server: FakeServer, access: Access, tmp_path: Path
) -> None:
    server.answer = namespace = Namespace(*(pod(f"p{n}", main=RUNNING) for n in range(9)))
    namespace.logs = {f"p{n}/main": refusal(500, "InternalError", "no route") for n in range(9)}
    with pytest.raises(ArchiveError, match=r"^9 logs cannot be read:(\n  pod p.*){5}\n  and 4 more$"):
        await collect(access, tmp_path)


@pytest.mark.parametrize("kind", ["pods", "events", "cronjobs"])
async def test_a_list_that_fails_is_a_failure(
    kind: str, server: FakeServer, access: Access, tmp_path: Path
) -> None:
    server.answer = namespace = Namespace()
    base = "/apis/batch/v1" if kind == "cronjobs" else "/api/v1"
    namespace.answers[f"{base}/namespaces/shop/{kind}"] = refusal(403, "Forbidden", "not allowed")
    with pytest.raises(ArchiveError, match=f"the {kind} of namespace shop cannot be listed: not allowed"):
        await collect(access, tmp_path)


async def test_rejected_credentials_are_told_as_such(
    server: FakeServer, access: Access, tmp_path: Path
) -> None:
    server.answer = lambda _: refusal(401, "Unauthorized", "Unauthorized")
    with pytest.raises(AuthError):
        await collect(access, tmp_path)


async def test_lists_are_read_page_by_page(server: FakeServer, access: Access, tmp_path: Path) -> None:
    namespace = Namespace()

    def pages(request: Request) -> Answer:
        if not request.path.endswith("/events"):
            return namespace(request)
        name, more = ("first", "k") if "continue=" not in request.query else ("second", "")
        item = {"metadata": {"name": name}}
        return Answer(
            200, {"kind": "EventList", "apiVersion": "v1", "metadata": {"continue": more}, "items": [item]}
        )

    server.answer = pages
    folder, _ = await collect(access, tmp_path)
    events = json.loads((folder / "events.json").read_text())["items"]
    assert [(e["kind"], e["metadata"]["name"]) for e in events] == [("Event", "first"), ("Event", "second")]


async def test_no_value_that_may_be_secret_is_kept(
    server: FakeServer, access: Access, tmp_path: Path
) -> None:
    found = pod("a", main=RUNNING)
    env = [{"name": "DB_PASSWORD", "value": "not-a-real-one"}, {"name": "LEVEL", "value": "debug"}]
    found["spec"]["containers"][0]["env"] = env
    applied = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"value": "not-a-real-one"}',
        "kept": "yes",
    }
    found["metadata"] |= {"annotations": applied, "managedFields": [{"manager": "x"}]}
    server.answer = Namespace(found)
    folder, _ = await collect(access, tmp_path)
    text = (folder / "objects/pods.json").read_text()
    assert "not-a-real-one" not in text
    assert "managedFields" not in text
    (stored,) = json.loads(text)["items"]
    assert stored["metadata"]["annotations"] == {"kept": "yes"}
    assert stored["spec"]["containers"][0]["env"][1] == {"name": "LEVEL", "value": "debug"}
    assert not [r for r in server.requests if "secrets" in r.path]


def test_an_image_has_the_digest_that_the_node_told() -> None:
    found = pod("a", main={**RUNNING, "imageID": "docker.io/x@sha256:1"}, side=CREATING)
    assert [(i["image"], i["imageID"]) for i in images_of(found)] == [
        ("main:1", "docker.io/x@sha256:1"),
        ("side:1", None),
    ]


async def test_no_more_than_eight_logs_at_once(server: FakeServer, access: Access, tmp_path: Path) -> None:
    server.answer = Namespace(*(pod(f"p{n}", main=RUNNING) for n in range(40)))
    await collect(access, tmp_path)
    assert server.connections <= 8


Talk = Callable[[asyncio.StreamWriter], Any]


@asynccontextmanager
async def kubelet(namespace: Namespace, *logs: Talk) -> AsyncIterator[Access]:
    """An API server whose logs come in chunks, as a kubelet's do: the n-th request is answered by the n-th talk."""
    left = list(logs)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path, _, query = head.split(" ")[1].partition("?")
        if path.endswith("/log"):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            await left.pop(0)(writer)
        else:
            body = json.dumps(namespace(Request("GET", path, query, {}, None)).body).encode()
            writer.write(
                f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield Access(url, "test.yaml", "test", cluster={"server": url})
    finally:
        listener.close()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def cut_off(writer: asyncio.StreamWriter) -> None:
    writer.write(chunk(b"the first half\n"))


async def whole(writer: asyncio.StreamWriter) -> None:
    writer.write(chunk(b"the first half\n") + chunk(b"the second\n") + b"0\r\n\r\n")


async def test_a_log_that_was_cut_off_is_read_again_from_its_start(tmp_path: Path) -> None:
    async with kubelet(Namespace(pod("a", main=RUNNING)), cut_off, whole) as access:
        folder, _ = await collect(access, tmp_path)
    assert gzip.decompress((folder / "logs/a/main.log.gz").read_bytes()) == b"the first half\nthe second\n"


async def test_a_long_log_is_not_held_in_memory(tmp_path: Path) -> None:
    line = b"2026-11-22 03:50:00 INFO something happened again\n" * 1300

    async def long(writer: asyncio.StreamWriter) -> None:
        for _ in range(1600):
            writer.write(chunk(line))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    async with kubelet(Namespace(pod("a", main=RUNNING)), long) as access:
        tracemalloc.start()
        try:
            folder, _ = await collect(access, tmp_path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    with gzip.open(folder / "logs/a/main.log.gz") as log:
        assert sum(len(part) for part in iter(lambda: log.read(2**20), b"")) == len(line) * 1600 > 2**26
    assert peak < 8 * 2**20
