"""Where the Filebeat sidecar sends events: its ``output`` settings, and its password as a variable."""

from __future__ import annotations

import re
from typing import Any

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import secret_env
from poscloud.spec import (
    ElasticsearchOutput,
    FilebeatSidecar,
    KafkaOutput,
    LogstashOutput,
    RedisOutput,
    SecretKey,
)
from poscloud.spec.password import PASSWORD_KEY

REDIS_PASSWORD = "REDIS_PASSWORD"
ELASTICSEARCH_PASSWORD = "ELASTICSEARCH_PASSWORD"

_LIFECYCLE_SINCE = (6, 6)
"""Filebeat's index lifecycle, which overrules a given index unless it is switched off."""


def release(version: str) -> tuple[int, int]:
    """Return the first two numbers of a version, such as ``7.17.28``; 0 for what is none."""
    parts = [int(p) if p.isdigit() else 0 for p in [*version.split("."), "0"][:2]]
    return parts[0], parts[1]


def output_settings(context: Context, sidecar: FilebeatSidecar) -> dict[str, Any]:
    """Return the settings of filebeat.yml that say where events go."""
    output = sidecar.output
    if isinstance(output, KafkaOutput):
        return {"output.kafka": _kafka(context, output)}
    if isinstance(output, RedisOutput):
        return {"output.redis": _redis(context, output)}
    if isinstance(output, LogstashOutput):
        return {"output.logstash": {"hosts": list(output.hosts)}}
    return _elasticsearch(output, release(sidecar.version))


def output_env(context: Context, sidecar: FilebeatSidecar) -> list[Manifest]:
    """Return the variable with the password, where there is one: filebeat.yml is a ConfigMap."""
    output = sidecar.output
    if isinstance(output, RedisOutput) and (key := _redis_password(context, output)):
        return [secret_env(REDIS_PASSWORD, key.secret, key.key)]
    if isinstance(output, ElasticsearchOutput) and output.password:
        return [secret_env(ELASTICSEARCH_PASSWORD, output.password.secret, output.password.key)]
    return []


def _kafka(context: Context, output: KafkaOutput) -> dict[str, Any]:
    backing = output.backing
    return {
        "hosts": context.outputs[backing]["url"].split(",") if backing else list(output.hosts),
        "topic": output.topic,
        "required_acks": output.required_acks,
        "compression": output.compression,
    }


def _redis(context: Context, output: RedisOutput) -> dict[str, Any]:
    hosts = list(output.hosts)
    if output.backing:
        redis = context.outputs[output.backing]
        hosts = [f"{redis['host']}:{redis['port']}"]
    settings: dict[str, Any] = {"hosts": hosts, "key": output.key, "datatype": output.datatype}
    if _redis_password(context, output):
        settings["password"] = _quoted(REDIS_PASSWORD)
    return settings


def _redis_password(context: Context, output: RedisOutput) -> SecretKey | None:
    secret = context.outputs[output.backing].get(names.SECRET_OUTPUT) if output.backing else None
    return SecretKey(secret=secret, key=PASSWORD_KEY) if secret else output.password


def _quoted(variable: str) -> str:
    """Return a reference to a variable whose value is text as it stands.

    Without the quotes Filebeat would read ``0123`` as a number and ``a,b`` as a list. A quote ends them: a password
    may have any other character.
    """
    return f"'${{{variable}}}'"


def _elasticsearch(output: ElasticsearchOutput, version: tuple[int, int]) -> dict[str, Any]:
    settings: dict[str, Any] = {"hosts": list(output.hosts)}
    if output.username:
        settings |= {"username": output.username, "password": _quoted(ELASTICSEARCH_PASSWORD)}
    if output.index is None:
        return {"output.elasticsearch": settings}
    # Filebeat refuses an index of one's own unless its template is named as well.
    beginning = re.split(r"[-._]*%\{", output.index)[0]
    rest: dict[str, Any] = {"setup.template.name": beginning, "setup.template.pattern": f"{beginning}*"}
    if version >= _LIFECYCLE_SINCE:
        rest["setup.ilm.enabled"] = False
    return {"output.elasticsearch": {**settings, "index": output.index}, **rest}
