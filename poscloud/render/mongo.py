"""MongoDB: one member."""

from __future__ import annotations

from decimal import Decimal

import yaml

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import tcp_probe
from poscloud.render.stateful import Program, render_stateful
from poscloud.spec import MongoSpec
from poscloud.spec.values import parse_quantity

PORT = 27017
CONFIG_PATH = "/etc/mongo"
DATA_PATH = "/data/db"
GIBIBYTE = Decimal(2**30)


def mongo_outputs(name: str, environment: str, spec: MongoSpec) -> dict[str, str]:
    """Return what it offers to others."""
    host = names.dns_name(name, environment)
    return {"host": host, "port": str(PORT), "url": f"mongodb://{host}:{PORT}"}


def render_mongo(context: Context, name: str, spec: MongoSpec) -> list[Manifest]:
    """Return the manifests of a MongoDB."""
    program = Program(
        kind="mongo",
        command=["mongod", "--config", f"{CONFIG_PATH}/mongod.conf"],
        ports={"client": PORT},
        config={"mongod.conf": yaml.safe_dump(_mongod_conf(spec), sort_keys=False)},
        config_path=CONFIG_PATH,
        data_path=DATA_PATH,
        user=999,
        readiness=tcp_probe(PORT, periodSeconds=5, timeoutSeconds=3),
        liveness=tcp_probe(PORT, periodSeconds=10, timeoutSeconds=3),
        grace_period=120,
    )
    return render_stateful(context, name, spec, program)


def _mongod_conf(spec: MongoSpec) -> Manifest:
    storage: Manifest = {"dbPath": DATA_PATH, "journal": {"enabled": True}}
    if spec.resources.limits.memory:
        # MongoDB's own rule, half of what is above 1 GiB and at least 256 MiB, but of the container's
        # memory: this version would take the host's.
        limit = parse_quantity(spec.resources.limits.memory) / GIBIBYTE
        cache = max(Decimal("0.25"), (limit - 1) / 2)
        storage["wiredTiger"] = {"engineConfig": {"cacheSizeGB": float(round(cache, 2))}}
    return {"storage": storage, "net": {"port": PORT, "bindIp": "0.0.0.0"}}
