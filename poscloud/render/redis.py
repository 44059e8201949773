"""Redis: one member with append-only persistence, logging to stdout."""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import exec_probe
from poscloud.render.stateful import Program, render_stateful, settings
from poscloud.spec import RedisSpec
from poscloud.spec.values import parse_quantity

PORT = 6379
CONFIG_PATH = "/etc/redis"
MEMORY_DIVISOR = 2
"""While Redis rewrites its file, a forked copy shares memory until it is written to: half must stay free."""


def redis_outputs(name: str, environment: str, spec: RedisSpec) -> dict[str, str]:
    """Return what it offers to others."""
    host = names.dns_name(name, environment)
    return {"host": host, "port": str(PORT), "url": f"redis://{host}:{PORT}"}


def render_redis(context: Context, name: str, spec: RedisSpec) -> list[Manifest]:
    """Return the manifests of a Redis."""
    program = Program(
        kind="redis",
        command=["redis-server", f"{CONFIG_PATH}/redis.conf"],
        ports={"client": PORT},
        config={"redis.conf": _redis_conf(spec)},
        config_path=CONFIG_PATH,
        data_path="/data",
        user=999,
        readiness=_ping("PONG", "NOAUTH", period=5),
        liveness=_ping("PONG", "NOAUTH", "LOADING", period=10),  # alive, while it reads its file
    )
    return render_stateful(context, name, spec, program)


def _ping(*answers: str, period: int) -> Manifest:
    patterns = " ".join(f"-e {answer}" for answer in answers)
    return exec_probe(
        f"redis-cli -p {PORT} ping | grep -q {patterns}", timeoutSeconds=3, periodSeconds=period
    )


def _redis_conf(spec: RedisSpec) -> str:
    values: dict[str, str | int | bool] = {
        "bind": "0.0.0.0",
        "protected-mode": "no",
        "port": PORT,
        "daemonize": "no",
        "logfile": '""',
        "loglevel": "notice",
        "dir": "/data",
        "appendonly": "yes",
        "appendfsync": "everysec",
    }
    if spec.resources.limits.memory:
        values["maxmemory"] = int(parse_quantity(spec.resources.limits.memory) // MEMORY_DIVISOR)
        values["maxmemory-policy"] = "noeviction"
    given = {k: ("yes" if v else "no") if isinstance(v, bool) else v for k, v in spec.config.items()}
    return settings(values | given, " ")
