"""The rendered redis.conf, read and obeyed by a real Redis."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from poscloud.spec import EnvironmentSpec, RedisSpec
from tests.servers.debian import packages
from tests.servers.rendered import write_config
from tests.servers.running import free_port, running

pytestmark = pytest.mark.servers


def test_redis_takes_the_rendered_file_logs_to_stdout_and_keeps_what_is_set(tmp_path: Path) -> None:
    redis, port, log = packages("redis-server"), free_port(), tmp_path / "redis.log"
    (tmp_path / "data").mkdir()
    spec = EnvironmentSpec(name="a", backing={"redis": RedisSpec(config={"databases": 3})})
    replace = {
        "port 6379": f"port {port}",
        "bind 0.0.0.0": "bind 127.0.0.1",
        "dir /data": f"dir {tmp_path}/data",
    }
    folder = write_config(spec, "redis-config", tmp_path / "etc", replace)

    def ask(*words: str) -> str:
        command = [str(redis.program("redis-cli")), "-p", str(port), *words]
        return subprocess.run(command, env=redis.environment, capture_output=True, text=True).stdout.strip()

    command = [redis.program("redis-server"), folder / "redis.conf"]
    with running(command, log, lambda: ask("ping") == "PONG", env=redis.environment):
        assert ask("set", "a", "1") == "OK"
        assert ask("config", "get", "databases").split() == ["databases", "3"]
        assert "Ready to accept connections" in log.read_text()
    with running(command, log, lambda: ask("ping") == "PONG", env=redis.environment):
        assert ask("get", "a") == "1", "the append-only file was not read again"
