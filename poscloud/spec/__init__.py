"""The typed, validated description of an environment and everything in it.

Frozen pydantic models without any I/O and without Pulumi: a spec is plain data that can be compared,
hashed, printed and rendered anywhere.
"""

from poscloud.spec.backing import BackingSpec, KafkaSpec, MongoSpec, RedisSpec, ZooKeeperSpec
from poscloud.spec.environment import EnvironmentSpec, Images, LimitRangeSpec
from poscloud.spec.filebeat import FilebeatSidecar, KafkaOutput
from poscloud.spec.java import JavaServiceSpec
from poscloud.spec.service import NfsMount, Probes, Rollout, ServiceSpec
from poscloud.spec.values import Resources, Storage

__all__ = [
    "BackingSpec",
    "EnvironmentSpec",
    "FilebeatSidecar",
    "Images",
    "JavaServiceSpec",
    "KafkaOutput",
    "KafkaSpec",
    "LimitRangeSpec",
    "MongoSpec",
    "NfsMount",
    "Probes",
    "RedisSpec",
    "Resources",
    "Rollout",
    "ServiceSpec",
    "Storage",
    "ZooKeeperSpec",
]
