"""What rsync-config writes, read and obeyed by a real rsync server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from poscloud.engine.rsyncconfig import Wanted, Written, rsync_config
from tests.servers.debian import packages
from tests.servers.running import accepts, free_port, running

pytestmark = pytest.mark.servers


def copy(written: Written, source: str, target: str, password: Path) -> subprocess.CompletedProcess[str]:
    found = packages("rsync")
    command = [
        str(found.program("rsync")),
        "-a",
        "--timeout=10",
        f"--password-file={password}",
        source,
        target,
    ]
    return subprocess.run(command, env=found.environment, capture_output=True, text=True, check=False)


def test_files_go_there_and_back_with_the_password_and_not_without(tmp_path: Path) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir(mode=0o777)
    mine.mkdir()
    (mine / "a.jpg").write_text("picture")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(
        f"volumes:\n  img: {{nfs: {{server: 192.168.8.30, path: {shared}}}}}\n"
        f"  fonts: {{nfs: {{server: 192.168.8.30, path: {mine}}}, read_only: true}}\n"
    )
    port, user = free_port(), "root" if os.geteuid() == 0 else str(os.getuid())
    written = rsync_config(tmp_path, "dev", Wanted(tmp_path / "out", uid=user, port=port))
    config, _, password = written.files
    found = packages("rsync")
    command = [
        str(found.program("rsync")),
        "--daemon",
        "--no-detach",
        "--address=127.0.0.1",
        f"--config={config}",
    ]
    host = f"rsync://dev@127.0.0.1:{port}"
    with running(command, tmp_path / "log", lambda: accepts(port), env=found.environment):
        done = copy(written, f"{mine}/", f"{host}/dev-img/", password)
        assert done.returncode == 0, done.stderr
        assert (shared / "a.jpg").read_text() == "picture"
        assert copy(written, f"{host}/dev-fonts/", f"{tmp_path}/back/", password).returncode == 0
        assert (tmp_path / "back" / "a.jpg").read_text() == "picture"
        refused = copy(written, f"{mine}/", f"{host}/dev-fonts/", password)
        assert "read only" in refused.stderr
        wrong = tmp_path / "wrong"
        wrong.write_text("0" * 32)
        wrong.chmod(0o600)
        assert "auth failed" in copy(written, f"{mine}/", f"{host}/dev-img/", wrong).stderr
