"""How each kind of the language is rendered, and what it offers to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from poscloud.render.c import render_c_service
from poscloud.render.consul import consul_outputs, render_consul
from poscloud.render.context import Context
from poscloud.render.dnsproxy import render_dns_proxy
from poscloud.render.janitor import render_janitor
from poscloud.render.java import render_java_service
from poscloud.render.kafka import kafka_outputs, render_kafka
from poscloud.render.logstack import render_log_stack
from poscloud.render.manifest import Manifest
from poscloud.render.mongo import mongo_outputs, render_mongo
from poscloud.render.mqtt import mqtt_outputs, render_mqtt
from poscloud.render.mysql import mysql_outputs, render_mysql
from poscloud.render.nginx import render_nginx
from poscloud.render.nodeguard import render_node_guard
from poscloud.render.python import render_python_service
from poscloud.render.redis import redis_outputs, render_redis
from poscloud.render.release import render_released
from poscloud.render.service import service_outputs
from poscloud.render.subsystem import render_subsystem
from poscloud.render.webapp import render_webapp
from poscloud.render.zookeeper import render_zookeeper, zookeeper_outputs
from poscloud.spec import EnvironmentSpec


@dataclass(frozen=True)
class Kind:
    """A kind of service or backing service.

    Attributes:
        render: From the context, the part's name and its spec to its manifests, in the order they are made.
        outputs: From the part's name, the environment's name and its spec to its outputs: ``host``, the Service's
            full DNS name; ``port``, its TCP port; ``url``, what clients are configured with.
    """

    render: Callable[[Context, str, Any], list[Manifest]]
    outputs: Callable[[str, str, Any], dict[str, str]] = service_outputs


KINDS: dict[str, Kind] = {
    "c": Kind(render_c_service),
    "consul": Kind(render_consul, consul_outputs),
    "dns-proxy": Kind(render_dns_proxy),
    "janitor": Kind(render_janitor),
    "java": Kind(render_java_service),
    "kafka": Kind(render_kafka, kafka_outputs),
    "log-stack": Kind(render_log_stack),
    "mongo": Kind(render_mongo, mongo_outputs),
    "mqtt": Kind(render_mqtt, mqtt_outputs),
    "nginx": Kind(render_nginx),
    "node-guard": Kind(render_node_guard),
    "python": Kind(render_python_service),
    "mysql": Kind(render_mysql, mysql_outputs),
    "redis": Kind(render_redis, redis_outputs),
    "subsystem": Kind(render_subsystem),
    "webapp": Kind(render_webapp),
    "zookeeper": Kind(render_zookeeper, zookeeper_outputs),
}
"""Kind in the language → how it is rendered."""


def render_kind(context: Context, name: str, spec: Any) -> list[Manifest]:
    """Return the manifests of one part, released as it says, in the order they are made."""
    return render_released(name, spec, lambda described: KINDS[spec.kind].render(context, name, described))


def outputs_of(environment: EnvironmentSpec) -> Mapping[str, Mapping[str, str]]:
    """Return the outputs of every part of ``environment``, by its name."""
    parts = {**environment.backing, **environment.services}
    return {name: KINDS[part.kind].outputs(name, environment.name, part) for name, part in parts.items()}
