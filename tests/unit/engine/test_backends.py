from __future__ import annotations

import sys
from pathlib import Path

import pytest

from poscloud.cluster.address import scrubbed, shown
from poscloud.engine.backends.address import state_folder
from poscloud.engine.backends.store import BackendUnreadableError, open_store
from poscloud.engine.locks import refuse_in_use
from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths
from tests.servers.running import free_port


@pytest.fixture
def paths(tmp_path: Path) -> ProjectPaths:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    return ProjectPaths(tmp_path)


@pytest.mark.parametrize(
    ("url", "visible"),
    [
        ("postgres://alice:fake%40word@db:5432/state", "postgres://alice:[secret]@db:5432/state"),
        ("postgres://db/state?user=a&password=fakeword", "postgres://db/state?user=a&password=[secret]"),
        ("s3://bucket?endpoint=127.0.0.1:9&region=a", "s3://bucket?endpoint=127.0.0.1:9&region=a"),
        ("postgres://[alice:fakeword@db", "[secret]"),
    ],
)
def test_an_address_is_shown_without_its_passwords(url: str, visible: str) -> None:
    assert shown(url) == visible
    assert "fake" not in scrubbed(f"unable to open bucket {url}", url)


def test_a_password_is_hidden_where_it_stands_decoded() -> None:
    assert scrubbed("refused fake@word", "postgres://a:fake%40word@db") == "refused [secret]"


def test_a_folder_is_read_as_the_engine_reads_it(paths: ProjectPaths) -> None:
    assert state_folder(paths, paths.state_url) == paths.state
    assert state_folder(paths, "file://~/a%20b?x=y") == Path.home() / "a b"
    assert state_folder(paths, "file://shared") == paths.root / "shared"
    assert state_folder(paths, "s3://bucket") is None


@pytest.mark.parametrize(
    "kind", ["postgres://alice:fakeword@127.0.0.1:{}/state", "s3://b?endpoint=127.0.0.1:{}&region=a"]
)
def test_a_backend_that_does_not_answer_is_told_without_its_password(
    paths: ProjectPaths, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", kind.format(free_port()))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fake")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fakeword")
    with pytest.raises(DeployError, match="does not answer") as error:
        refuse_in_use(paths, "dev")
    assert "fakeword" not in f"{error.value.message} {error.value.hint}"


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("postgres://db/state", "psycopg", "postgresql"), ("s3://b", "botocore", "s3")],
)
def test_a_missing_package_is_named_and_stops_only_who_needs_it(
    paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendUnreadableError, match=rf"poscloud\[{extra}\]"), open_store(paths):
        pass
    assert refuse_in_use(paths, "dev") == []


def test_a_lock_that_cannot_be_read_is_told_with_its_path(
    paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = paths.state / ".pulumi" / "locks" / "organization" / "shop" / "dev" / "x.json"
    file.parent.mkdir(parents=True)
    file.touch()

    def denied(file: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(DeployError, match=f"{file}: Permission denied"):
        refuse_in_use(paths, "dev")
