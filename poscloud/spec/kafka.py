"""Kafka, alone or as three brokers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from poscloud.spec.base import Name
from poscloud.spec.part import Need
from poscloud.spec.stateful import Members, StatefulSpec
from poscloud.spec.values import Resources, resources


class KafkaSpec(StatefulSpec):
    """Kafka, alone or as three brokers."""

    least_memory: ClassVar[str] = "256Mi"
    managed: ClassVar[dict[str, str]] = {
        "listeners": "clients connect to port 9092",
        "advertised.listeners": "each broker announces its own DNS name",
        "broker.id": "it is the broker's number in the stateful set",
        "zookeeper.connect": "use the field zookeeper",
        "log.dir": "the volume is always at /var/lib/kafka; its size is storage.size",
        "log.dirs": "the volume is always at /var/lib/kafka; its size is storage.size",
    }
    kind: Literal["kafka"] = Field("kafka", description="Apache Kafka.")
    version: str = Field("3.9.1", description="Version, the tag in the image pattern.")
    replicas: Members = Field(1, description="Brokers.")
    zookeeper: Name = Field("zookeeper", description="The ZooKeeper of this environment it registers with.")
    config: dict[str, str | int | bool] = Field({}, description="Further server.properties settings.")
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("512Mi", "1Gi")), description="CPU, memory."
    )

    def needs(self) -> Iterator[Need]:
        """Yield its ZooKeeper."""
        yield Need(("zookeeper",), self.zookeeper, "zookeeper")
