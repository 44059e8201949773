"""Log files in containers: the script that runs there runs here, on real files."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from poscloud.cluster.target import Target
from poscloud.cluster.watching.logs import files as module
from poscloud.cluster.watching.logs.files import follow_files, read_files
from poscloud.cluster.watching.logs.filetime import time_of
from poscloud.cluster.watching.logs.line import Line
from poscloud.cluster.watching.logs.source import Source, folder_of
from poscloud.cluster.watching.namespace import Namespace
from poscloud.provider.rest import ApiError
from tests.localexec import LocalExec
from tests.unit.cluster.watching.objects import pod

WEB = Source("web-1", "u-1", "web", service="web")
CHINA = timezone(timedelta(hours=8))


@pytest.fixture
def namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    monkeypatch.setattr(module, "run", LocalExec({**os.environ, "TZ": "Asia/Shanghai"}).run)
    for name in ("LOOK_SECONDS", "AGAIN_SECONDS"):
        monkeypatch.setattr(module, name, 0.02)
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps({
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }))  # fmt: skip
    return Namespace(Target(file, "here", "http://127.0.0.1:1", "", local=False), "dev", "shop/dev")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "logs"
    found.mkdir()
    return found


def shown(lines: list[Line]) -> list[tuple[str, str, str]]:
    return [(line.time[11:23].decode(), line.source.file, line.text.decode()) for line in lines]


async def read(namespace: Namespace, folder: Path, **query: str) -> list[Line]:
    notes: list[str] = []
    lines = await read_files(namespace, [(WEB, str(folder))], query, notes.append)
    assert notes == []
    return lines


async def test_the_newest_files_are_merged_by_the_times_in_their_lines(
    namespace: Namespace, folder: Path
) -> None:
    (folder / "deep").mkdir()
    (folder / "api.log").write_text(
        "2026-11-22 17:00:01,500 INFO one\n\tat a.trace\n2026-11-22 17:00:03 INFO three\n"
    )
    (folder / "deep" / "a log").write_text("[2026-11-22T09:00:02.25Z] two\nunfinished")
    for name in ("old.log.1.gz", ".hidden", "deep/x.hprof"):
        (folder / name).write_text("2026-11-22 17:00:01 no\n")
    for number, name in enumerate(("older", "old")):
        (folder / name).write_text(f"2026-11-22 16:00:0{number} {name}\n")
        os.utime(folder / name, (1000 + number, 1000 + number))
    assert shown(await read(namespace, folder)) == [
        ("08:00:01.000", "old", "2026-11-22 16:00:01 old"),
        ("09:00:01.500", "api.log", "2026-11-22 17:00:01,500 INFO one"),
        ("09:00:01.500", "api.log", "\tat a.trace"),
        ("09:00:02.250", "deep/a log", "[2026-11-22T09:00:02.25Z] two"),
        ("09:00:03.000", "api.log", "2026-11-22 17:00:03 INFO three"),
    ]
    assert [line[2][-5:] for line in shown(await read(namespace, folder, tailLines="2"))] == [
        "Z] two"[-5:],
        "three",
    ]
    assert await read(namespace, folder, sinceSeconds="60") == []


async def test_of_a_large_file_the_end_is_read_and_no_line_is_cut(
    namespace: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f"2026-11-22 17:00:00 line {number}\n" for number in range(5000))
    (folder / "api.log").write_text(text)
    assert [line.text[-9:] for line in await read(namespace, folder, tailLines="3")] == [
        b"line 4997", b"line 4998", b"line 4999",
    ]  # fmt: skip
    assert len(await read(namespace, folder)) == 5000
    monkeypatch.setattr(module, "MOST", 10_000)
    some = await read(namespace, folder)
    assert some[-1].text.endswith(b"line 4999") and all(line.text.startswith(b"2026") for line in some)
    assert 200 < len(some) < 400


async def test_what_has_no_times_is_of_when_the_file_was_written(namespace: Namespace, folder: Path) -> None:
    (folder / "access").write_bytes(b"GET / \xff\0\n.\n|\n\n")
    os.utime(folder / "access", (1_795_338_000, 1_795_338_000))
    lines = await read(namespace, folder)
    assert [line.text for line in lines] == [b"GET / \xff\0", b".", b"|", b""]
    assert {line.time for line in lines} == {b"2026-11-22T09:00:00.000000000"}


async def test_followed_files_lose_nothing_when_they_are_renamed_emptied_and_new(
    namespace: Namespace, folder: Path
) -> None:
    log, there = folder / "api.log", [True]
    log.write_text("".join(f"{number}\n" for number in range(10)))
    lines = follow_files(namespace, WEB, str(folder), {"tailLines": "1"}, lambda: there[0], print)
    got = await heard(lines, b"9")
    with log.open("a") as file:
        file.write("half")
        file.flush()
        file.write(" a line\nlast\n")
    log.rename(folder / "api.log.1")
    log.write_text("first of a new file\n")
    got += await heard(lines, b"first of a new file")
    log.write_text("emptied\n")
    got += await heard(lines, b"emptied")
    assert sorted(got) == sorted([b"9", b"half a line", b"last", b"first of a new file", b"emptied"])
    await ended(lines, there)


async def test_a_name_in_any_encoding_is_read_and_one_with_a_line_end_is_not(
    namespace: Namespace, folder: Path
) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xc8\xd5 1.log")).write_text("2026-11-22 17:00:01 one\n")
    (folder / "two\nlines").write_text("2026-11-22 17:00:02 two\n")
    lines = await read(namespace, folder)
    assert shown(lines) == [("09:00:01.000", "\\xc8\\xd5 1.log", "2026-11-22 17:00:01 one")]
    lines[0].source.label.encode()


async def test_of_many_files_that_are_followed_each_line_comes_once(
    namespace: Namespace, folder: Path
) -> None:
    logs, there = [folder / f"{number}.log" for number in range(module.NEWEST + 2)], [True]
    for number, log in enumerate(logs):
        log.write_text(f"old {number}\n")
        os.utime(log, (1000 + number, 1000 + number))
    lines = follow_files(namespace, WEB, str(folder), {"tailLines": "1"}, lambda: there[0], print)
    got = await heard(lines, b"old 4")
    for turn in range(3):
        for number, log in enumerate(logs):
            with log.open("a") as file:
                file.write(f"{turn} {number}\n")
            os.utime(log, (2000 + 10 * turn + number, 2000 + 10 * turn + number))
            got += await heard(lines, f"{turn} {number}".encode())
    await ended(lines, there)
    assert got == [b"old 4", *(f"{t} {n}".encode() for t in range(3) for n in range(len(logs)))]


async def test_what_was_read_when_the_connection_was_lost_is_read_again(
    namespace: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs, read_one, left = [folder / "a.log", folder / "b.log"], module._Files._read, [5]
    there = [True]
    for log in logs:
        log.write_text("begin\n")
    lines = follow_files(namespace, WEB, str(folder), {}, lambda: there[0], print)
    assert await heard(lines, b"begin") == [b"begin", b"begin"]

    async def lost(self: module._Files, file: module._File) -> object:
        found = await read_one(self, file)
        left[0] -= 1
        if left[0] == 3:
            raise ConnectionResetError
        return found

    monkeypatch.setattr(module._Files, "_read", lost)
    for log in logs:
        with log.open("a") as file:
            file.write(f"of {log.name}\n")
    got: list[bytes] = []
    while len(got) < len(logs):
        got += [line.text for line in await asyncio.wait_for(anext(lines), 10)]
    await ended(lines, there)
    assert sorted(got) == [b"of a.log", b"of b.log"] and left[0] < 3


async def test_a_container_that_is_not_ready_for_it_is_asked_again(
    namespace: Namespace, tmp_path: Path
) -> None:
    folder, there, notes = tmp_path / "later", [True], list[str]()
    lines = follow_files(namespace, WEB, str(folder), {"tailLines": "1"}, lambda: there[0], notes.append)
    coming = asyncio.ensure_future(anext(lines))
    async with asyncio.timeout(10):
        while not notes:
            await asyncio.sleep(0)
    folder.mkdir()
    (folder / "api.log").write_text("one\ntwo\n")
    got = await asyncio.wait_for(coming, 10)
    assert [line.text for line in got] == [
        b"two"
    ] and f"log files of web-1 in {folder} are left out" in notes[0]
    await ended(lines, there)


async def ended(lines: AsyncIterator[list[Line]], there: list[bool]) -> None:
    there[0] = False
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(lines), 10)


async def heard(lines: AsyncIterator[list[Line]], last: bytes) -> list[bytes]:
    found: list[bytes] = []
    while last not in found:
        found += [line.text for line in await asyncio.wait_for(anext(lines), 10)]
    return found


async def test_what_cannot_be_read_is_said_once(
    namespace: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    await read_files(namespace, [(WEB, str(folder / "no"))], {}, notes.append)
    assert len(notes) == 1 and f"log files of web-1 in {folder}/no are left out: " in notes[0]
    body = (
        b'{"message": "pods \\"web-1\\" is forbidden: User \\"li\\" cannot create resource \\"pods/exec\\""}'
    )

    async def refuse(*_: object) -> int:
        raise ApiError(403, body)

    monkeypatch.setattr(module, "run", refuse)
    notes.clear()
    await read_files(namespace, [(WEB, "/logs"), (WEB, "/logs")], {}, notes.append)
    assert len(notes) == 1 and "you need `get` and `create` on pods/exec" in notes[0]
    assert "poscloud access --user li --namespace dev" in notes[0]


def test_the_folder_is_where_the_volume_of_log_files_is_mounted() -> None:
    live = pod("web")
    live["spec"]["containers"][0]["volumeMounts"] = [
        {"name": "tmp", "mountPath": "/tmp"}, {"name": "logs", "mountPath": "/home/deploy/logs"},
    ]  # fmt: skip
    live["spec"]["containers"].append(
        {"name": "filebeat", "volumeMounts": [{"name": "logs", "mountPath": "/logs"}]}
    )
    assert [folder_of(live, name) for name in ("web", "filebeat", "other")] == ["/home/deploy/logs", "", ""]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2017-09-27 17:31:02.5 INFO", "2017-09-27T09:31:02.500000000"),
        ("INFO [2017/09/27 17:31:02,123456] x", "2017-09-27T09:31:02.123456000"),
        ("2017-09-27T17:31:02+01:00 x", "2017-09-27T16:31:02.000000000"),
        ('{"time":"2017-09-27T17:31:02Z"}', "2017-09-27T17:31:02.000000000"),
        ("2017-19-27 17:31:02", ""),
        ("order 12017-09-27 17:31:020", ""),
        ("x" * 100 + "2017-09-27 17:31:02", ""),
    ],
)
def test_a_line_says_when_it_was_written(text: str, time: str) -> None:
    assert time_of(text.encode(), CHINA).decode() == time
