"""Archives in a real S3-compatible store: versitygw, which keeps objects as files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from poscloud.cluster.archive.stores import open_store
from poscloud.cluster.archive.verify import verify
from poscloud.errors import ArchiveError
from poscloud.provider.config import Access
from poscloud.spec import ArchiveSpec
from tests.servers.golang import build
from tests.servers.running import accepts, free_port, running
from tests.unit.cluster.archives import RUNNING, Namespace, collect, pod
from tests.unit.provider.conftest import FakeServer

pytestmark = pytest.mark.servers

FAKE = "not-a-real-word-of-a-store"
LARGE = 20 * 1024 * 1024
"""More than boto3 uploads as one part."""


@dataclass
class Bucket:
    """A bucket: its folder on the disk, and its address."""

    folder: Path
    url: str

    def spec(self, name: str = "archive") -> ArchiveSpec:
        return ArchiveSpec(s3=self.url.replace("s3://archive", f"s3://{name}"))


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    gateway = build("versitygw", "github.com/versity/versitygw/cmd/versitygw")
    home, port = tmp_path_factory.mktemp("s3"), free_port()
    (home / "objects" / "archive").mkdir(parents=True)
    options = ["--port", f"127.0.0.1:{port}", "--access", "fake", "--secret", FAKE, "--quiet"]
    url = f"s3://archive/kept?endpoint=127.0.0.1:{port}&disableSSL=true&s3ForcePathStyle=true"
    with running([gateway, *options, "posix", home / "objects"], home / "log", lambda: accepts(port)):
        yield Bucket(home / "objects" / "archive", url)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACCESS_KEY_ID", "fake"), ("SECRET_ACCESS_KEY", FAKE), ("REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)


async def archived(spec: ArchiveSpec, tmp_path: Path) -> tuple[str, bytes]:
    """Archive a small namespace into the bucket; return its folder there, and the manifest."""
    server = FakeServer()
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    server.answer = Namespace(pod("a", main=RUNNING))
    try:
        with open_store(spec, tmp_path, tmp_path) as store:
            access = Access(server.url, "test.yaml", "test", cluster={"server": server.url})
            place, manifest = await collect(access, tmp_path, store, **{"spec.yaml": "x" * LARGE})
    finally:
        listener.close()
    return f"shop/{place.name}", manifest


async def test_what_was_uploaded_is_read_back(bucket: Bucket, tmp_path: Path) -> None:
    folder, manifest = await archived(bucket.spec(), tmp_path)
    there = bucket.folder / "kept" / folder
    assert (there / "spec.yaml").stat().st_size == LARGE
    assert (there / "logs/a/main.log.gz").is_file()
    with open_store(bucket.spec(), tmp_path, tmp_path) as store:
        told = str(verify(store, folder, manifest))
    assert told.startswith(f"s3://archive/kept/{folder} (")
    assert told.endswith("checksums read back)")


async def test_a_flipped_byte_and_a_missing_object_are_found(bucket: Bucket, tmp_path: Path) -> None:
    folder, manifest = await archived(bucket.spec(), tmp_path)
    file = bucket.folder / "kept" / folder / "spec.yaml"
    with file.open("r+b") as there:
        there.seek(LARGE // 2)
        there.write(b"y")
    with (
        pytest.raises(ArchiveError, match="differs when it is read back: s3://archive/kept/shop/"),
        open_store(bucket.spec(), tmp_path, tmp_path) as store,
    ):
        verify(store, folder, manifest)
    file.unlink()
    with (
        pytest.raises(ArchiveError, match="NoSuchKey"),
        open_store(bucket.spec(), tmp_path, tmp_path) as store,
    ):
        verify(store, folder, manifest)


async def test_what_was_not_finished_is_removed(bucket: Bucket, tmp_path: Path) -> None:
    folder, _ = await archived(bucket.spec(), tmp_path)
    with open_store(bucket.spec(), tmp_path, tmp_path) as store:
        store.discard(folder)
    assert not [f for f in (bucket.folder / "kept" / folder).rglob("*") if f.is_file()]


async def test_a_bucket_that_is_not_there(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"the archive cannot be written: s3://nobody/kept/shop/.*bucket"):
        await archived(bucket.spec("nobody"), tmp_path)


async def test_wrong_keys(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-fake-word")
    with pytest.raises(ArchiveError, match="the archive cannot be written") as told:
        await archived(bucket.spec(), tmp_path)
    assert "another-fake-word" not in told.value.message + told.value.hint
    assert "AWS_ACCESS_KEY_ID" in told.value.hint


async def test_a_store_that_does_not_answer(tmp_path: Path) -> None:
    port = free_port()
    spec = ArchiveSpec(s3=f"s3://archive?endpoint=127.0.0.1:{port}&disableSSL=true")
    with pytest.raises(ArchiveError, match=f"the archive s3://archive.* does not answer: .*127.0.0.1:{port}"):
        await archived(spec, tmp_path)
