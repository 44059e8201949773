from __future__ import annotations

import functools
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poscloud.errors import DeployError
from poscloud.local import releases
from poscloud.local.parts import parts
from poscloud.local.paths import ProjectPaths
from poscloud.local.releases import Download

from .conftest import Recorder

PULUMI, KUBERNETES, KWOK = parts()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder, and the address where a server offers its files."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def archive(file: Path, members: dict[str, bytes]) -> str:
    with tarfile.open(file, "w:gz") as opened:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def describe(folder: Path, name: str, digest: str) -> None:
    assets = [{"name": "other", "digest": "sha256:00"}, {"name": name, "digest": f"sha256:{digest}"}]
    (folder / "release.json").write_text(json.dumps({"assets": assets}))


def use(monkeypatch: pytest.MonkeyPatch, *files: Download) -> None:
    monkeypatch.setattr(releases, "downloads", lambda part: files)


def test_an_archive_is_checked_and_only_its_programs_are_taken(
    site: tuple[Path, str], paths: ProjectPaths, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = site
    members = {"pulumi/kwok": b"program", "../../evil": b"evil", "pulumi/readme": b"no"}
    describe(folder, "a.tar.gz", archive(folder / "a.tar.gz", members))
    use(monkeypatch, Download(f"{url}/a.tar.gz", f"{url}/release.json", ("kwok",), archive=True))
    entry = releases.install(KWOK, recorder)
    assert [file.name for file in entry.iterdir()] == ["kwok"]
    assert (entry / "kwok").read_bytes() == b"program"
    assert (entry / "kwok").stat().st_mode & 0o111


def test_a_single_program_with_its_checksum_file(
    site: tuple[Path, str], paths: ProjectPaths, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url = site
    (folder / "kwok").write_bytes(b"program")
    (folder / "kwok.sha256").write_text(hashlib.sha256(b"program").hexdigest() + "\n")
    use(monkeypatch, Download(f"{url}/kwok", f"{url}/kwok.sha256", ("kwok",), archive=False))
    assert (releases.install(KWOK, recorder) / "kwok").read_bytes() == b"program"


@pytest.mark.parametrize("published", ["0" * 64, ""])
def test_a_file_that_is_not_what_its_publisher_says_is_refused(
    published: str,
    site: tuple[Path, str],
    paths: ProjectPaths,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, url = site
    archive(folder / "a.tar.gz", {"kwok": b"program"})
    describe(folder, "a.tar.gz", published)
    use(monkeypatch, Download(f"{url}/a.tar.gz", f"{url}/release.json", ("kwok",), archive=True))
    with pytest.raises(DeployError, match="not what its publisher says"):
        releases.install(KWOK, recorder)
    assert not releases.location(KWOK).exists()


def test_a_server_that_does_not_answer_is_given_up_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "PROBE_DEADLINE", 0.2)
    monkeypatch.setattr(releases, "_read", lambda url: threading.Event().wait(1.5))
    assert releases.unreachable([KWOK]) == {"kwok": "no answer within 0 s"}


def test_a_refused_connection_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    use(monkeypatch, Download("http://127.0.0.1:9/kwok", "http://127.0.0.1:9/sum", ("kwok",), archive=False))
    assert "refused" in releases.unreachable([KWOK])["kwok"]


def test_every_release_is_over_https_and_has_a_checksum() -> None:
    for part in parts():
        files = releases.downloads(part)
        assert {name for file in files for name in file.programs} >= set(part.programs) or not files
        for file in files:
            assert file.url.startswith("https://") and file.checksum.startswith("https://")
