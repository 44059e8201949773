"""Backing services: what is the same for all, and the few fields of each that are no settings of a file."""

from __future__ import annotations

import re
import shlex
from typing import Any

from poscloud.imports import pods
from poscloud.imports.images import ImageNames, tag_of
from poscloud.imports.placing import Placing
from poscloud.imports.pods import given, nfs
from poscloud.imports.source import Source, Workload, texts

CONFIG = {
    "zookeeper": ("zoo.cfg",),
    "kafka": ("server.properties",),
    "redis": ("redis.conf",),
    "mongo": ("mongod.conf",),
    "mysql": ("my.cnf",),
    "consul": ("consul.json",),
    "mqtt": ("mosquitto.conf",),
}
"""Kind → the file that ``config`` sets."""

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
"""A plain file name: no folder, not hidden."""

_IMAGES = {
    "mariadb": "mysql",
    "percona": "mysql",
    "mongodb": "mongo",
    "eclipse-mosquitto": "mqtt",
    "mosquitto": "mqtt",
}


def backing_kind(workload: Workload) -> str | None:
    """Return which backing service a stateful set is, by its files, or else by its image."""
    for kind, files in CONFIG.items():
        if all(file in workload.config for file in files):
            return kind
    image = workload.main.get("image", "").partition("@")[0].rpartition("/")[2].partition(":")[0]
    kind = _IMAGES.get(image, image)
    return kind if kind in CONFIG else None


def backing_fields(workload: Workload, kind: str, names: ImageNames, placing: Placing) -> dict[str, Any]:
    """Return the fields of a backing service, but for its settings."""
    image = workload.main.get("image", "")
    fields: dict[str, Any] = {
        "kind": kind,
        "replicas": workload.spec.get("replicas", 1),
        **names.of_program(image, kind),
        "resources": pods.resources(workload.main),
        "storage": _storage(workload),
        **placing.of(workload.pod),
    }
    if "image" in fields:
        fields |= given(version=tag_of(image))
    if kind not in ("zookeeper", "kafka", "consul"):
        del fields["replicas"]
    return fields | {"kafka": _kafka, "mysql": _mysql, "redis": _redis, "mongo": _mongo}.get(
        kind, lambda _: {}
    )(workload)


def _storage(workload: Workload) -> dict[str, Any]:
    claims = workload.spec.get("volumeClaimTemplates") or []
    if directory := nfs(workload.volumes.get("data")):
        return {"nfs": directory}
    if not claims:
        workload.notes.append("it has no volume claim; the description's will make one")
        return {}
    spec = claims[0]["spec"]
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    storage = given(size=size, storage_class=spec.get("storageClassName"))
    prefix = f"{workload.source.name}."
    if "storage_class" in storage:
        storage["storage_class"] = storage["storage_class"].removeprefix(prefix)
    return storage


def _password(workload: Workload, variable: str) -> dict[str, Any]:
    found = workload.env.get(variable)
    if not isinstance(found, dict) or "secret" not in found:
        return {}
    return {"password": True if found["secret"] == workload.name else {"secret": found["secret"]}}


def _redis(workload: Workload) -> dict[str, Any]:
    return _password(workload, "REDIS_PASSWORD")


def _mongo(workload: Workload) -> dict[str, Any]:
    fields = _password(workload, "MONGO_PASSWORD")
    user = re.search(r'admin\.getUser\("([^"]+)"\)', workload.config.get("start.sh", ""))
    return fields | ({"user": user[1]} if user else {})


def _kafka(workload: Workload) -> dict[str, Any]:
    text = workload.config.get("server.properties", "")
    connect = re.search(r"^zookeeper\.connect=[^,\s]*?\.?([a-z0-9-]+)\.[a-z0-9-]+\.svc", text, re.MULTILINE)
    fields: dict[str, Any] = {"zookeeper": connect[1] if connect else None}
    if cluster := re.search(r"--cluster-id (\S+)", workload.config.get("start.sh", "")):
        fields["cluster_id"] = cluster[1]
    if topics := _topics(workload.source, workload.name):
        fields["topics"] = topics
    return fields


def _topics(source: Source, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for job in source.kind("Job"):
        if not re.fullmatch(rf"{re.escape(name)}-topics-[0-9a-f]{{8}}", job["metadata"]["name"]):
            continue
        script = job["spec"]["template"]["spec"]["containers"][0].get("command", [""])[-1]
        for line in script.splitlines():
            if re.match(r"topic \S+ \d+ \d+", line):
                _, topic, partitions, replicas, *settings = shlex.split(line)
                config = dict(setting.split("=", 1) for setting in settings)
                found[topic] = {
                    "partitions": int(partitions),
                    "replicas": int(replicas),
                    "config": {k: number(v) for k, v in config.items()},
                }
    return found


def number(text: str) -> Any:
    """Return a setting's value as a person writes it: a number where it is one."""
    return int(text) if re.fullmatch(r"0|-?[1-9][0-9]*", text) else text


def _mysql(workload: Workload) -> dict[str, Any]:
    script, settings, env = (
        workload.config.get("start.sh", ""),
        workload.config.get("my.cnf", ""),
        texts(workload.env),
    )
    databases = re.findall(r"CREATE DATABASE IF NOT EXISTS `([^`]+)`", script)
    user = re.search(r'account (\S+) % "\$MYSQL_PASSWORD"', script)
    charset = re.search(r"^character_set_server = (\S+)", settings, re.MULTILINE)
    collation = re.search(r"^collation_server = (\S+)", settings, re.MULTILINE)
    if not databases and env.get("MYSQL_DATABASE"):
        databases = [env["MYSQL_DATABASE"]]
    fields = given(
        databases=databases or None,
        user=user[1] if user else env.get("MYSQL_USER"),
        charset=charset[1] if charset else None,
        collation=collation[1] if collation else None,
    )
    secret = _password(workload, "MYSQL_PASSWORD" if user else "MYSQL_ROOT_PASSWORD")
    initial = workload.source.data(f"{workload.name}-init")
    pieces = [_initial(name, sql) for name, sql in sorted(initial.items()) if _is_plain(workload, name)]
    return fields | secret | ({"init_sql": pieces} if pieces else {})


def _is_plain(workload: Workload, name: str) -> bool:
    """Whether a key of the initial SQL can be a file's name beside the description; if not, it is noted."""
    plain = bool(_FILE.fullmatch(name)) and (name[3:4] != "-" or bool(_FILE.fullmatch(name[4:])))
    if not plain:
        workload.notes.append(f"initial SQL '{name}' is left out: its name is no plain file name")
    return plain


def _initial(name: str, sql: str) -> dict[str, str]:
    """Return one piece of initial SQL; ``001-schema.sql`` was the file schema.sql."""
    file = name[4:]
    return {"file": file, "sql": sql} if name[3:4] == "-" else {"sql": sql}


def external_servers(source: Source, workloads: list[Workload]) -> dict[str, dict[str, Any]]:
    """Return the MySQLs outside that a Service without pods leads to; what is in them, from who uses them."""
    found: dict[str, dict[str, Any]] = {}
    for service in source.kind("Service"):
        spec, name = service["spec"], service["metadata"]["name"]
        ports = spec.get("ports") or [{}]
        if spec.get("selector") or ports[0].get("name") != "client":
            continue
        host = spec.get("externalName")
        if slices := source.get("EndpointSlice", name):
            addresses = [a for e in slices.get("endpoints") or [] for a in e.get("addresses") or []]
            host = addresses[0] if addresses else host
        if host:
            external = {"host": host, "port": ports[0]["port"]}
            found[name] = {"kind": "mysql", "external": external, **_seen_by_clients(name, workloads)}
    return found


def _seen_by_clients(name: str, workloads: list[Workload]) -> dict[str, Any]:
    prefix = name.upper().replace("-", "_")
    for workload in workloads:
        env = workload.env
        if f"{prefix}_HOST" in env:
            secret = env.get(f"{prefix}_PASSWORD") or {}
            database = env.get(f"{prefix}_DATABASE")
            fields = given(user=env.get(f"{prefix}_USERNAME"), databases=[database] if database else None)
            if isinstance(secret, dict) and secret.get("secret", name) != name:
                fields["password"] = {"secret": secret["secret"]}
            return fields
    return {}
