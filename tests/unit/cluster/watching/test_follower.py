"""Following pods that come and go, against a small API server that streams their logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from poscloud.cluster.target import Target
from poscloud.cluster.watching.logs import follower
from poscloud.cluster.watching.logs.follower import Follower
from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.namespace import Namespace
from tests.unit.cluster.watching.objects import pod


class Streams:
    """Pods, and what they write; ``None`` ends a log."""

    def __init__(self) -> None:
        self.pods: dict[str, asyncio.Queue[bytes | None]] = {}
        self.asked: list[str] = []
        self.cut: set[str] = set()

    def add(self, app: str, number: int) -> asyncio.Queue[bytes | None]:
        return self.pods.setdefault(f"{app}-{number}", asyncio.Queue())

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                target = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
                self.asked.append(target)
                if "/log?" in target:
                    await self.stream(target.split("/")[6], writer)
                else:
                    items = [pod(*self.parted(name)) for name in self.pods]
                    body = json.dumps({"kind": "PodList", "apiVersion": "v1", "items": items}).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def stream(self, name: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        queue = self.pods[name]
        while (text := await queue.get()) is not None:
            writer.write(b"%x\r\n%b\r\n" % (len(text), text))
            await writer.drain()
            if name in self.cut:
                self.cut.discard(name)
                raise ConnectionResetError
        writer.write(b"0\r\n\r\n")

    @staticmethod
    def parted(name: str) -> tuple[str, int]:
        app, _, number = name.partition("-")
        return app, int(number)


@pytest.fixture
async def streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Streams, Namespace]]:
    for name in ("LOOK_SECONDS", "SHOW_SECONDS", "LAST_WORDS_SECONDS"):
        monkeypatch.setattr(follower, name, 0.02)
    monkeypatch.setattr(follower, "HOLD_SECONDS", 0.1)
    found = Streams()
    listener = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    url, file = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", tmp_path / "kubeconfig"
    file.write_text(json.dumps({
        "clusters": [{"name": "c", "cluster": {"server": url}}], "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }))  # fmt: skip
    yield found, Namespace(Target(file, "here", url, "", local=False), "dev", "shop/dev")
    listener.close()


def written(second: int, text: str) -> bytes:
    return f"2026-11-22T09:55:{second:02}.000000000Z {text}\n".encode()


class Shown:
    """What a person sees."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []

    def show(self, lines: Sequence[Line]) -> None:
        self.lines += [f"{line.source.label} {line.text.decode()}" for line in lines]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)


async def test_pods_end_come_and_are_taken_up_again(streams: tuple[Streams, Namespace]) -> None:
    server, namespace = streams
    one, two, other = server.add("web", 1), server.add("web", 2), server.add("pay", 1)
    seen = Shown()
    run = asyncio.create_task(
        Follower(namespace, ["web"], "", {"tailLines": "5"}, seen.show, seen.notes.append).run()
    )
    two.put_nowait(written(2, "second"))
    one.put_nowait(written(1, "first"))
    await seen.until(lambda: len(seen.lines) == 2)
    assert seen.lines == ["web-1 first", "web-2 second"]
    server.cut.add("web-1")
    one.put_nowait(written(3, "before the cut"))
    one.put_nowait(written(4, "after the cut"))
    three = server.add("web", 3)
    three.put_nowait(written(5, "of a new pod"))
    two.put_nowait(written(6, "last words"))
    await seen.until(lambda: len(seen.lines) == 6)
    assert sorted(seen.lines[2:]) == [
        "web-1 after the cut", "web-1 before the cut", "web-2 last words", "web-3 of a new pod"
    ]  # fmt: skip
    del server.pods["web-2"]
    await seen.until(lambda: "web-2 is gone" in seen.notes)
    server.pods.clear()
    await seen.until(lambda: "web: no pods; waiting for some" in seen.notes)
    assert "web-3 is new" in seen.notes
    assert other.empty()
    assert [asked for asked in server.asked if "pay-1/log" in asked] == []
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_what_was_held_back_is_shown_at_the_end(
    streams: tuple[Streams, Namespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, namespace = streams
    monkeypatch.setattr(follower, "HOLD_SECONDS", 1000)
    one, _ = server.add("web", 1), server.add("web", 2)
    seen = Shown()
    followed = Follower(namespace, ["web"], "", {}, seen.show, seen.notes.append)
    run = asyncio.create_task(followed.run())
    one.put_nowait(written(1, "held back"))
    await seen.until(lambda: bool(followed._merger._waiting))
    assert seen.lines == []
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert seen.lines == ["web-1 held back"]
