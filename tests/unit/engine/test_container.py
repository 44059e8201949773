"""Locks of a container that has its machine's name, looked at from another one, and from outside. Real ones."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poscloud.engine import container
from poscloud.engine.locks import locks_of
from poscloud.local.paths import ProjectPaths
from tests.unit.engine.test_locks import ended_pid

INSIDE = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"]
STATUS = (
    "import sys; from pathlib import Path; from poscloud.engine.locks import locks_of;"
    "from poscloud.engine import container; from poscloud.local.paths import ProjectPaths;"
    "paths = ProjectPaths(Path(sys.argv[1])); [container.note(paths, int(pid)) for pid in sys.argv[2:]];"
    "print(locks_of(paths, 'dev')[0].status)"
)

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has pid namespaces")


@pytest.fixture
def paths(tmp_path: Path) -> ProjectPaths:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    found = ProjectPaths(tmp_path)
    found.owned.mkdir()
    return found


def lock(paths: ProjectPaths, pid: int) -> None:
    """Write the lock of a run that begins in an hour: after what is noted here."""
    file = paths.state / ".pulumi" / "locks" / "organization" / "shop" / "dev" / "x.json"
    file.parent.mkdir(parents=True)
    since = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    data = {"pid": pid, "username": "alice", "hostname": socket.gethostname(), "timestamp": since}
    file.write_text(json.dumps(data))


def inside(paths: ProjectPaths, *noted: int) -> str:
    command = [*INSIDE, sys.executable, "-c", STATUS, str(paths.root), *map(str, noted)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_a_lock_that_may_be_of_another_container_is_not_stale(paths: ProjectPaths) -> None:
    lock(paths, 54321)
    assert inside(paths) == "unknown: in another container"


def test_a_run_that_poscloud_started_in_this_container_is_known(paths: ProjectPaths) -> None:
    lock(paths, 54321)
    assert inside(paths, 54321) == "not running"
    # The next container has the same numbers.
    assert inside(paths) == "unknown: in another container"


def test_from_outside_an_engine_in_a_container_is_seen(paths: ProjectPaths, tmp_path: Path) -> None:
    engine = tmp_path / "pulumi"
    engine.write_text("#!/bin/sh\necho $$\nread line\n")
    engine.chmod(0o755)
    # A number that is nobody's outside.
    shell = f"echo {ended_pid() - 1} > /proc/sys/kernel/ns_last_pid; {engine}; exit"
    running = subprocess.Popen(
        [*INSIDE, "sh", "-c", shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    number = int(running.stdout.readline())
    lock(paths, number)
    assert locks_of(paths, "dev")[0].status == "alive"
    running.communicate("\n")
    assert locks_of(paths, "dev")[0].status == "not running"


def test_outside_of_containers_nothing_is_noted(paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "here", lambda: "")
    container.note(paths, 7)
    assert not (paths.owned / "engines").exists()
    monkeypatch.setattr(container, "here", lambda: "one")
    container.note(paths, 7)
    assert container.is_own(paths, 7, datetime.now(UTC))
    assert not container.is_own(paths, 7, datetime.fromtimestamp(time.time() - 60, UTC))
    container.forget(paths, 7)
    assert not container.is_own(paths, 7, datetime.now(UTC))
    assert os.listdir(paths.owned / "engines") == []
