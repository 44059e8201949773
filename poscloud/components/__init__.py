"""Component classes: thin Pulumi components over the rendered manifests.

This layer and the ones above are the only ones that import Pulumi. Importing this package costs nothing; each name is
loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poscloud.components.backing import Consul, Mongo, MqttBroker, MySQL, Redis, StatefulKafka, ZooKeeper
    from poscloud.components.environment import Environment
    from poscloud.components.monitoring import Monitoring
    from poscloud.components.services import (
        CService,
        DnsProxy,
        Janitor,
        JavaService,
        LogStack,
        NginxGateway,
        NodeGuard,
        PythonService,
        Subsystem,
        WebApp,
    )
    from poscloud.components.teams import TeamAccess

__all__ = [
    "CService",
    "Consul",
    "DnsProxy",
    "Environment",
    "Janitor",
    "JavaService",
    "LogStack",
    "Mongo",
    "Monitoring",
    "MqttBroker",
    "MySQL",
    "NginxGateway",
    "NodeGuard",
    "PythonService",
    "Redis",
    "StatefulKafka",
    "Subsystem",
    "TeamAccess",
    "WebApp",
    "ZooKeeper",
]

_BACKING = ("Consul", "Mongo", "MqttBroker", "MySQL", "Redis", "StatefulKafka", "ZooKeeper")
_ALONE = {"Environment": "environment", "Monitoring": "monitoring", "TeamAccess": "teams"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'poscloud.components' has no attribute '{name}'")
    module = _ALONE.get(name) or ("backing" if name in _BACKING else "services")
    return getattr(importlib.import_module(f"poscloud.components.{module}"), name)
