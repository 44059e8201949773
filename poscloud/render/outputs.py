"""The fixed outputs that each kind offers to those who refer to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from poscloud.render import names
from poscloud.spec import EnvironmentSpec, KafkaSpec, MongoSpec, RedisSpec, ZooKeeperSpec

ZOOKEEPER_PORT = 2181
KAFKA_PORT = 9092
REDIS_PORT = 6379
MONGO_PORT = 27017


def _members(name: str, environment: str, replicas: int, port: int) -> str:
    return ",".join(f"{host}:{port}" for host in names.member_dns_names(name, environment, replicas))


_BACKING: dict[type[Any], tuple[int, Callable[[str, str, Any], str]]] = {
    ZooKeeperSpec: (ZOOKEEPER_PORT, lambda n, e, s: _members(n, e, s.replicas, ZOOKEEPER_PORT)),
    KafkaSpec: (KAFKA_PORT, lambda n, e, s: _members(n, e, s.replicas, KAFKA_PORT)),
    RedisSpec: (REDIS_PORT, lambda n, e, s: f"redis://{names.dns_name(n, e)}:{REDIS_PORT}"),
    MongoSpec: (MONGO_PORT, lambda n, e, s: f"mongodb://{names.dns_name(n, e)}:{MONGO_PORT}"),
}


def outputs_of(environment: EnvironmentSpec) -> Mapping[str, Mapping[str, str]]:
    """Return the outputs of every part of ``environment``.

    ``host`` is the Service's full DNS name, ``port`` its TCP port, ``url`` what clients are configured with:
    a connect string naming every member for ZooKeeper and Kafka, a URL for the others.
    """
    result: dict[str, dict[str, str]] = {}
    for name, spec in environment.backing.items():
        port, url = _BACKING[type(spec)]
        result[name] = {
            "host": names.dns_name(name, environment.name),
            "port": str(port),
            "url": url(name, environment.name, spec),
        }
    for name, service in environment.services.items():
        host = names.dns_name(name, environment.name)
        result[name] = {"host": host, "port": str(service.port), "url": f"http://{host}:{service.port}"}
    return result
