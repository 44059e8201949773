"""Redis: one member with append-only persistence, logging to stdout."""

from __future__ import annotations

from dataclasses import replace

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.passwords import QUOTED, own_secret, secret_name
from poscloud.render.pod import exec_probe, memory_volume
from poscloud.render.stateful import Program, render_stateful, settings
from poscloud.spec import RedisSpec
from poscloud.spec.password import PASSWORD_KEY
from poscloud.spec.values import parse_quantity

PORT = 6379
CONFIG_PATH = "/etc/redis"
RUN_PATH = "/run/redis"
MEMORY_DIVISOR = 2
"""While Redis rewrites its file, a forked copy shares memory until it is written to: half must stay free."""

USABLE = "/data/.poscloud-usable"
"""Made when something was written and read. From then on answering is enough: a Redis that is full, or whose disk is,
still serves what it has, and must not lose its readers after a restart."""

# What is written says that it was read. A replica, a member of a Redis Cluster, which has other members' keys, and one
# whose password only its users know cannot be tried.
PROOF = r"SET poscloud:usable it-was-read EX 60\nGET poscloud:usable\nDEL poscloud:usable\n"
TRIED = ("it-was-read", "READONLY", "NOAUTH", "CLUSTERDOWN", "MOVED")

# The password goes from its variable into files in memory, never by arguments: into the configuration, and into what
# the probes say, because redis-cli 3.2 takes a password from standard input or an argument alone.
START = rf"""set -eu
umask 077
{QUOTED}word=$(quoted "$REDIS_PASSWORD")
printf 'requirepass %s\nmasterauth %s\n' "$word" "$word" > {RUN_PATH}/password.conf
printf 'AUTH %s\nPING\n' "$word" > {RUN_PATH}/ping
printf 'AUTH %s\n{PROOF}' "$word" > {RUN_PATH}/proof
unset REDIS_PASSWORD word
exec redis-server {CONFIG_PATH}/redis.conf
"""


def redis_outputs(name: str, environment: str, spec: RedisSpec) -> dict[str, str]:
    """Return what it offers to others."""
    host = names.dns_name(name, environment)
    outputs = {"host": host, "port": str(PORT), "url": f"redis://{host}:{PORT}"}
    return outputs | {names.SECRET_OUTPUT: secret_name(name, spec)} if spec.with_password else outputs


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
        readiness=_probe(_answers("ping", "PONG", "NOAUTH"), _proof(f"printf '{PROOF}'"), period=5),
        # alive, while it reads its file
        liveness=_probe(_answers("ping", "PONG", "NOAUTH", "LOADING"), period=10),
    )
    if spec.with_password:
        program = _with_password(program, context, name, spec)
    return render_stateful(context, name, spec, program)


def _with_password(program: Program, context: Context, name: str, spec: RedisSpec) -> Program:
    asking = f"< {RUN_PATH}/ping"
    return replace(
        program,
        command=["sh", f"{CONFIG_PATH}/start.sh"],
        config={**program.config, "start.sh": START},
        readiness=_probe(_answers(asking, "PONG"), _proof(f"cat {RUN_PATH}/proof"), period=5),
        liveness=_probe(_answers(asking, "PONG", "LOADING"), period=10),
        secret_env={"REDIS_PASSWORD": (secret_name(name, spec), PASSWORD_KEY)},
        mounts=({"name": "run", "mountPath": RUN_PATH},),
        volumes=(memory_volume("run"),),
        first=tuple(own_secret(context, name, spec.kind, spec)),
    )


def _probe(*steps: str, period: int) -> Manifest:
    return exec_probe(" && ".join(steps), timeoutSeconds=3, periodSeconds=period)


def _answers(asking: str, *answers: str) -> str:
    patterns = " ".join(f"-e {answer}" for answer in answers)
    return f"redis-cli -p {PORT}{asking and ' ' + asking} | grep -q {patterns}"


def _proof(commands: str) -> str:
    """Return what holds as soon as something could be written and read, once for the data folder."""
    return f"{{ [ -e {USABLE} ] || {{ {commands} | {_answers('', *TRIED)} && touch {USABLE}; }}; }}"


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
    if spec.with_password:
        given["include"] = f"{RUN_PATH}/password.conf"
    return settings(values | given, " ")
