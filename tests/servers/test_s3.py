"""State in a real S3-compatible store: versitygw, which keeps objects as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.engine.mergerequest.places import place_of
from poscloud.errors import AuthError
from tests.faults.arena import STACK, says
from tests.servers.backends import FAKE, UP, Remote, remote
from tests.servers.golang import build
from tests.servers.running import accepts, free_port, running
from tests.workspace import Workspace

pytestmark = pytest.mark.servers

LOCK = "8b2ff3a5-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A bucket: its folder, and the variables that lead the engine to it."""
    gateway = build("versitygw", "github.com/versity/versitygw/cmd/versitygw")
    home, port = tmp_path_factory.mktemp("s3"), free_port()
    (home / "objects" / "state").mkdir(parents=True)
    keys = {"AWS_ACCESS_KEY_ID": "fake", "AWS_SECRET_ACCESS_KEY": FAKE, "AWS_REGION": "us-east-1"}
    options = ["--port", f"127.0.0.1:{port}", "--access", "fake", "--secret", FAKE, "--quiet"]
    url = f"s3://state?endpoint=127.0.0.1:{port}&disableSSL=true&s3ForcePathStyle=true"
    command = [gateway, *options, "posix", home / "objects"]
    with running(command, home / "log", lambda: accepts(port)):
        yield home / "objects" / "state", keys | {"PULUMI_BACKEND_URL": url}


@pytest.fixture(scope="module")
def arena(
    workspace: Workspace, bucket: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Remote]:
    with remote(workspace, tmp_path_factory.mktemp("arena"), bucket[1]) as found:
        yield found


def test_an_environment_is_brought_up_and_a_lock_is_removed_by_its_id(
    arena: Remote, bucket: tuple[Path, dict[str, str]]
) -> None:
    folder, _ = bucket
    arena.converges()
    says(arena.run("poscloud", "doctor"), "s3://state?endpoint=", "(PULUMI_BACKEND_URL), answers")
    file = folder / ".pulumi" / "locks" / "organization" / "poscloud" / STACK / f"{LOCK}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    taken = {"pid": 77, "username": "alice", "hostname": "elsewhere", "timestamp": "2026-11-21T12:03:00Z"}
    file.write_text(json.dumps(taken))
    refused = arena.run(*UP)
    assert refused.code == 4
    says(refused, f"stack {STACK} is in use by alice@elsewhere pid 77 since 2026-11-21 12:03:00")
    says(refused, "unknown: on another host", f"poscloud unlock -s {STACK} {LOCK}")
    says(arena.run("poscloud", "unlock"), LOCK, "alice", "elsewhere")
    wrong = arena.run("poscloud", "unlock", LOCK.replace("8b", "9b"))
    says(wrong, f"has no lock 9b2ff3a5-0000-4000-8000-000000000001: {LOCK}")
    assert file.exists()
    says(arena.run("poscloud", "unlock", LOCK), "removed: alice@elsewhere")
    assert not file.exists()


def test_a_stack_moves_to_another_backend(arena: Remote, tmp_path: Path) -> None:
    moved = str(tmp_path / "stack.json")
    arena.ok("pulumi", "stack", "export", "--file", moved)
    (tmp_path / "state").mkdir()
    there = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/state"}
    steps = (
        ("stack", "init"),
        ("stack", "import", "--file", moved),
        ("preview", "--expect-no-changes"),
        ("stack", "rm", "--force", "--yes", "--preserve-config"),
    )
    for step in steps:
        done = arena.run("pulumi", *step, **there)
        assert done.code == 0, done.text
    arena.destroys()


def test_wrong_keys_are_told(arena: Remote) -> None:
    refused = arena.run(*UP, AWS_SECRET_ACCESS_KEY="another-fake-word")
    assert refused.code == 3
    says(refused, "rejected the credentials", "AWS_SECRET_ACCESS_KEY")
    assert "another-fake-word" not in refused.text


def test_a_baseline_is_published_and_read(
    bucket: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, variables = bucket
    address = variables["PULUMI_BACKEND_URL"].replace("?", "/baselines?")
    place = place_of(tmp_path, "shop", "dev", address, {})
    assert place is not None
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, variables[name])
    assert place.read() is None
    place.write(b"one")
    place.write(b"two")
    assert (place.read(), (folder / "baselines" / "shop" / "dev.json").read_bytes()) == (b"two", b"two")
    assert str(place).startswith("s3://state/baselines/shop/dev.json?endpoint=")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-fake-word")
    with pytest.raises(AuthError, match=r"the baseline's place s3://state/baselines.* rejected"):
        place.write(b"three")
