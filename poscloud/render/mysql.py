"""MySQL: one member with databases, users and initial SQL; or a Service that leads to a server outside."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.external import render_external
from poscloud.render.manifest import Manifest, manifest, override
from poscloud.render.mysqlstart import (
    CONFIG_PATH,
    INIT_PATH,
    RUN_PATH,
    VOLUME_PATH,
    initial_pieces,
    start_script,
)
from poscloud.render.passwords import own_secret, secret_name
from poscloud.render.pod import exec_probe, memory_volume
from poscloud.render.stateful import Program, render_stateful
from poscloud.spec import MySQLSpec
from poscloud.spec.mysql import ROOT_PASSWORD_KEY
from poscloud.spec.password import PASSWORD_KEY
from poscloud.spec.values import MEBIBYTE, parse_quantity

PORT = 3306
POOL_DIVISOR = 2
"""Half of the memory is InnoDB's buffer pool; connections, their sorts and joins, and the rest need the other."""


def mysql_outputs(name: str, environment: str, spec: MySQLSpec) -> dict[str, str]:
    """Return what it offers to others."""
    host = names.dns_name(name, environment)
    port = spec.external.port if spec.external else PORT
    outputs = {"host": host, "port": str(port), "url": f"mysql://{host}:{port}"}
    if spec.databases:
        outputs |= {"url": f"{outputs['url']}/{spec.databases[0]}", "database": spec.databases[0]}
    if spec.with_password:
        outputs |= {"username": spec.user or "root", names.SECRET_OUTPUT: secret_name(name, spec)}
    return outputs


def render_mysql(context: Context, name: str, spec: MySQLSpec) -> list[Manifest]:
    """Return the manifests of a MySQL, or of what leads to one outside."""
    secret = own_secret(context, name, spec.kind, spec, random=not spec.external)
    if spec.external:
        server = render_external(context, name, spec.kind, spec.external)
        return override([*secret, *server], spec.overrides, name)
    initial = _initial_sql(context, name, spec)
    volumes, mounts = [memory_volume("run")], [{"name": "run", "mountPath": RUN_PATH}]
    if initial:
        volumes.append({"name": "init", "configMap": {"name": names.initial_data(name)}})
        mounts.append({"name": "init", "mountPath": INIT_PATH})
    program = Program(
        kind="mysql",
        command=["sh", f"{CONFIG_PATH}/start.sh"],
        ports={"client": PORT},
        config={"my.cnf": _my_cnf(spec), "start.sh": start_script(spec)},
        config_path=CONFIG_PATH,
        data_path=VOLUME_PATH,
        user=999,
        readiness=_admin("status", period=5),
        liveness=_admin("ping", period=10),  # also answers when there are too many connections
        secret_env=_secret_env(name, spec),
        mounts=tuple(mounts),
        volumes=tuple(volumes),
        tmp_space=None,  # an index is sorted there before it is stored
        first=(*secret, *initial),
        grace_period=120,
    )
    return render_stateful(context, name, spec, program)


def _secret_env(name: str, spec: MySQLSpec) -> dict[str, tuple[str, str]]:
    secret = secret_name(name, spec)
    if not spec.user:
        return {"MYSQL_ROOT_PASSWORD": (secret, PASSWORD_KEY)}
    return {
        "MYSQL_ROOT_PASSWORD": (secret, ROOT_PASSWORD_KEY),
        "MYSQL_PASSWORD": (secret, PASSWORD_KEY),
    }


def _initial_sql(context: Context, name: str, spec: MySQLSpec) -> list[Manifest]:
    """Return the ConfigMap with the initial SQL; not the configuration's, so that a change restarts nothing."""
    if not spec.init_sql:
        return []
    return [
        manifest(
            "v1",
            "ConfigMap",
            names.initial_data(name),
            namespace=context.namespace,
            labels=context.labels(name, spec.kind),
            data=initial_pieces(spec),
        )
    ]


def _admin(command: str, period: int) -> Manifest:
    return exec_probe(
        'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysqladmin --no-defaults '
        f"--socket={RUN_PATH}/mysqld.sock --user=root {command}",
        timeoutSeconds=3,
        periodSeconds=period,
    )


def _my_cnf(spec: MySQLSpec) -> str:
    values: dict[str, Any] = {
        "port": PORT,
        "bind_address": "0.0.0.0",
        "datadir": f"{VOLUME_PATH}/data",
        "socket": f"{RUN_PATH}/mysqld.sock",
        "pid_file": f"{RUN_PATH}/mysqld.pid",
        "character_set_server": spec.charset,
        # Names of clients' pods are in no DNS; looking for them makes each connection wait.
        "skip_name_resolve": True,
        # Its tables alone take more memory than a small server has.
        "performance_schema": False,
    }
    if spec.collation:
        values["collation_server"] = spec.collation
    if spec.resources.limits.memory:
        pool = parse_quantity(spec.resources.limits.memory) // POOL_DIVISOR // MEBIBYTE * MEBIBYTE
        values["innodb_buffer_pool_size"] = int(Decimal(pool))
    given = {key.strip().lower().replace("-", "_"): value for key, value in spec.config.items()}
    return "[mysqld]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in (values | given).items())


def _value(value: str | int | bool) -> str:
    return ("ON" if value else "OFF") if isinstance(value, bool) else str(value)
