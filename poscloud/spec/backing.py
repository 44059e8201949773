"""Backing services: the stateful dependencies of an environment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from poscloud.spec.base import Model, Name
from poscloud.spec.service import Overrides
from poscloud.spec.values import Resources, Storage, resources


class StatefulSpec(Model):
    """The fields every backing service has."""

    image: str | None = Field(
        None,
        description="Image with its tag; left out, made from the environment's `images.backing` pattern.",
    )
    version: str = Field(description="Version, the tag in the image pattern.")
    resources: Resources = Field(Resources(), description="CPU and memory of each member.")
    storage: Storage = Field(Storage(), description="Volume of each member.")
    node_selector: dict[str, str] | None = Field(
        None, description="Labels a node must have; left out, the environment's."
    )
    overrides: Overrides = Field({}, description="Patch of rendered manifests by kind, applied last.")


class ZooKeeperSpec(StatefulSpec):
    """ZooKeeper, alone or as a quorum of three."""

    kind: Literal["zookeeper"] = Field("zookeeper", description="Apache ZooKeeper.")
    version: str = Field("3.8.4", description="Version, the tag in the image pattern.")
    replicas: Literal[1, 3] = Field(
        1, description="Members: one, or three that keep a quorum when one is lost."
    )
    config: dict[str, str | int | bool] = Field({}, description="Further zoo.cfg settings.")
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("256Mi", "512Mi")), description="CPU, memory."
    )


class KafkaSpec(StatefulSpec):
    """Kafka, alone or as three brokers."""

    kind: Literal["kafka"] = Field("kafka", description="Apache Kafka.")
    version: str = Field("3.9.1", description="Version, the tag in the image pattern.")
    replicas: Literal[1, 3] = Field(1, description="Brokers.")
    zookeeper: Name = Field("zookeeper", description="The ZooKeeper of this environment it registers with.")
    config: dict[str, str | int | bool] = Field({}, description="Further server.properties settings.")
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("512Mi", "1Gi")), description="CPU, memory."
    )


class RedisSpec(StatefulSpec):
    """A single Redis with append-only persistence."""

    kind: Literal["redis"] = Field("redis", description="Redis.")
    version: str = Field("3.2.12", description="Version, the tag in the image pattern.")
    config: dict[str, str | int | bool] = Field({}, description="Further redis.conf settings.")
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("128Mi", "512Mi")), description="CPU, memory."
    )


class MongoSpec(StatefulSpec):
    """A single MongoDB."""

    kind: Literal["mongo"] = Field("mongo", description="MongoDB.")
    version: str = Field("3.6.4", description="Version, the tag in the image pattern.")
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("512Mi", "2Gi")), description="CPU, memory."
    )


BackingSpec = Annotated[ZooKeeperSpec | KafkaSpec | RedisSpec | MongoSpec, Field(discriminator="kind")]
