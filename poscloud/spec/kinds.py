"""Every kind of service and backing service that the language knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field

from poscloud.spec.c import CServiceSpec
from poscloud.spec.consul import ConsulSpec
from poscloud.spec.dnsproxy import DnsProxySpec
from poscloud.spec.janitor import JanitorSpec
from poscloud.spec.java import JavaServiceSpec
from poscloud.spec.kafka import KafkaSpec
from poscloud.spec.logstack import LogStackSpec
from poscloud.spec.mongo import MongoSpec
from poscloud.spec.mqtt import MqttBrokerSpec
from poscloud.spec.mysql import MySQLSpec
from poscloud.spec.nginx import NginxGatewaySpec
from poscloud.spec.nodeguard import NodeGuardSpec
from poscloud.spec.python import PythonServiceSpec
from poscloud.spec.redis import RedisSpec
from poscloud.spec.service import ServiceSpec
from poscloud.spec.stateful import StatefulSpec
from poscloud.spec.subsystem import SubsystemSpec
from poscloud.spec.webapp import WebAppSpec
from poscloud.spec.zookeeper import ZooKeeperSpec

AnyServiceSpec = Annotated[
    JavaServiceSpec
    | PythonServiceSpec
    | SubsystemSpec
    | WebAppSpec
    | NginxGatewaySpec
    | DnsProxySpec
    | JanitorSpec
    | NodeGuardSpec
    | LogStackSpec
    | CServiceSpec,
    Field(discriminator="kind"),
]
AnyBackingSpec = Annotated[
    ZooKeeperSpec | KafkaSpec | RedisSpec | MongoSpec | ConsulSpec | MqttBrokerSpec | MySQLSpec,
    Field(discriminator="kind"),
]


def _by_kind(union: Any) -> dict[str, Any]:
    return {spec.model_fields["kind"].default: spec for spec in get_args(get_args(union)[0])}


SERVICE_KINDS: Mapping[str, type[ServiceSpec]] = _by_kind(AnyServiceSpec)
"""Kind in the language → spec of a service."""

BACKING_KINDS: Mapping[str, type[StatefulSpec]] = _by_kind(AnyBackingSpec)
"""Kind in the language → spec of a backing service."""
