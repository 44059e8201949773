"""Components of backing services: ConfigMap, headless Service, StatefulSet, and a disruption budget for a quorum."""

from __future__ import annotations

from poscloud.components.part import Part, SpecT
from poscloud.spec import (
    ConsulSpec,
    KafkaSpec,
    MongoSpec,
    MqttBrokerSpec,
    MySQLSpec,
    RedisSpec,
    ZooKeeperSpec,
)


class BackingPart(Part[SpecT]):
    """A stateful dependency."""

    group = "backing"


class ZooKeeper(BackingPart[ZooKeeperSpec], kind="zookeeper"):
    """ZooKeeper, alone or as a quorum of three; ``url`` is the connect string."""


class StatefulKafka(BackingPart[KafkaSpec], kind="kafka"):
    """Kafka, alone or as three brokers; ``url`` is the list of bootstrap servers."""


class Redis(BackingPart[RedisSpec], kind="redis"):
    """Redis; ``url`` is ``redis://host:port``."""


class Mongo(BackingPart[MongoSpec], kind="mongo"):
    """MongoDB; ``url`` is ``mongodb://host:port``."""


class Consul(BackingPart[ConsulSpec], kind="consul"):
    """Consul, alone or as a quorum of three; ``url`` is the address of its HTTP API."""


class MqttBroker(BackingPart[MqttBrokerSpec], kind="mqtt"):
    """Eclipse Mosquitto; ``url`` is ``tcp://host:port``."""


class MySQL(BackingPart[MySQLSpec], kind="mysql"):
    """MySQL, or the way to one outside the environment; ``url`` is ``mysql://host:port/database``."""
