"""poscloud: describe a whole Kubernetes environment in one short file, and run it.

Importing this package imports nothing heavy: each name is loaded when it is first used, so that the
commands that need no engine start fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from poscloud.components import (
        CService,
        DnsProxy,
        Environment,
        JavaService,
        Mongo,
        MySQL,
        NginxGateway,
        Redis,
        StatefulKafka,
        WebApp,
        ZooKeeper,
    )
    from poscloud.spec import (
        CServiceSpec,
        DnsProxySpec,
        EnvironmentSpec,
        FilebeatSidecar,
        JavaServiceSpec,
        KafkaSpec,
        MongoSpec,
        MySQLSpec,
        NginxGatewaySpec,
        RedisSpec,
        WebAppSpec,
        ZooKeeperSpec,
    )

__all__ = [
    "CService",
    "CServiceSpec",
    "DnsProxy",
    "DnsProxySpec",
    "Environment",
    "EnvironmentSpec",
    "FilebeatSidecar",
    "JavaService",
    "JavaServiceSpec",
    "KafkaSpec",
    "Mongo",
    "MongoSpec",
    "MySQL",
    "MySQLSpec",
    "NginxGateway",
    "NginxGatewaySpec",
    "Redis",
    "RedisSpec",
    "StatefulKafka",
    "WebApp",
    "WebAppSpec",
    "ZooKeeper",
    "ZooKeeperSpec",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from poscloud.checkout import current_version

        return current_version()
    if name not in __all__:
        raise AttributeError(f"module 'poscloud' has no attribute '{name}'")
    layer = "spec" if name.endswith(("Spec", "Sidecar")) else "components"
    return getattr(importlib.import_module(f"poscloud.{layer}"), name)
