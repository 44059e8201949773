"""Component classes: thin Pulumi components over the rendered manifests.

This layer and the ones above are the only ones that import Pulumi.
"""

from poscloud.components.backing import Consul, Mongo, MqttBroker, MySQL, Redis, StatefulKafka, ZooKeeper
from poscloud.components.environment import Environment
from poscloud.components.services import (
    CService,
    DnsProxy,
    JavaService,
    NginxGateway,
    PythonService,
    Subsystem,
    WebApp,
)

__all__ = [
    "CService",
    "Consul",
    "DnsProxy",
    "Environment",
    "JavaService",
    "Mongo",
    "MqttBroker",
    "MySQL",
    "NginxGateway",
    "PythonService",
    "Redis",
    "StatefulKafka",
    "Subsystem",
    "WebApp",
    "ZooKeeper",
]
