"""Component classes: thin Pulumi components over the rendered manifests.

This layer and the ones above are the only ones that import Pulumi.
"""

from poscloud.components.backing import Mongo, Redis, StatefulKafka, ZooKeeper
from poscloud.components.environment import Environment
from poscloud.components.services import JavaService, WebApp

__all__ = ["Environment", "JavaService", "Mongo", "Redis", "StatefulKafka", "WebApp", "ZooKeeper"]
