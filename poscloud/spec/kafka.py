"""Kafka, alone or as three brokers: with a ZooKeeper, or its own quorum (KRaft)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from poscloud.spec.base import Name
from poscloud.spec.kafkaconfig import IN_SYNC, check_brokers
from poscloud.spec.part import Need
from poscloud.spec.references import Finding
from poscloud.spec.stateful import Members, StatefulSpec
from poscloud.spec.topics import Topic, TopicName, check_declared
from poscloud.spec.values import Resources, resources

FIRST_KRAFT = (3, 3)
"""The first version in which Kafka's own quorum is meant for production (KIP-833)."""
LAST_ZOOKEEPER = (3, 9)
"""The last version that can register with a ZooKeeper."""

_VOLUME = "the volume is always at /var/lib/kafka; its size is storage.size"
_QUORUM = "it follows from zookeeper and replicas"


def version_of(tag: str) -> tuple[int, int] | None:
    """Return a tag's major and minor version; ``None`` for one that tells no version, such as ``latest``.

    A tag without minor version, such as ``3``, is the newest of its major version.
    """
    match = re.match(r"v?(\d{1,2})(?:\.(\d+))?(?!\d)", tag)
    if not match:
        return None
    major = int(match[1])
    newest = LAST_ZOOKEEPER[1] if major == LAST_ZOOKEEPER[0] else 0
    return major, int(match[2]) if match[2] else newest


def _tag_of(image: str) -> str:
    """Return an image's tag; empty without one."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


class KafkaSpec(StatefulSpec):
    """Kafka, alone or as three brokers (document 004)."""

    least_memory: ClassVar[str] = "384Mi"
    managed: ClassVar[dict[str, str]] = {
        "listeners": "clients connect to port 9092",
        "advertised.listeners": "each broker announces its own DNS name",
        "broker.id": "it is the broker's number in the stateful set",
        "node.id": "it is the broker's number in the stateful set",
        "zookeeper.connect": "use the field zookeeper",
        "process.roles": _QUORUM,
        "controller.*": _QUORUM,
        "log.dir": _VOLUME,
        "log.dirs": _VOLUME,
        "metadata.log.dir": _VOLUME,
    }
    kind: Literal["kafka"] = Field("kafka", description="Apache Kafka.")
    version: str = Field("3.9.1", description="Version, the tag in the image pattern.")
    replicas: Members = Field(1, description="Brokers.")
    zookeeper: Name | None = Field(
        "zookeeper",
        description="The ZooKeeper of this environment it registers with. null, and left out from version 4 on: "
        "none; the brokers are their own quorum (KRaft).",
    )
    cluster_id: str | None = Field(
        None,
        description="KRaft's id of the cluster, 22 characters of base64url; left out, made from the environment's "
        "name and its own. For a disk that was formatted elsewhere.",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{21}$",
    )
    topics: dict[TopicName, Topic] = Field(
        {},
        description="Topics made as soon as the brokers are ready, before any service starts. When there are any, "
        "no other is made by being written to.",
        examples=[{"applog": {"partitions": 6, "config": {"retention.ms": 604800000}}}],
    )
    config: dict[str, str | int | bool] = Field({}, description="Further server.properties settings.")
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("512Mi", "1Gi")), description="CPU, memory."
    )

    @model_validator(mode="before")
    @classmethod
    def _version_of_image(cls, data: Any) -> Any:
        """The image's tag says the version where it is left out; from 4 on there is no ZooKeeper."""
        if not isinstance(data, dict):
            return data
        tag = _tag_of(str(data.get("image") or ""))
        if "version" not in data and version_of(tag):
            data = {**data, "version": tag}
        version = version_of(str(data.get("version", "")))
        if "zookeeper" not in data and version and version > LAST_ZOOKEEPER:
            return {**data, "zookeeper": None}
        return data

    @field_validator("zookeeper")
    @classmethod
    def _zookeeper_fits_version(cls, zookeeper: str | None, info: ValidationInfo) -> str | None:
        tag = info.data.get("version", "")
        version = version_of(tag)
        if zookeeper and version and version > LAST_ZOOKEEPER:
            raise ValueError(f"Kafka {tag} knows no ZooKeeper, 3.9 was the last that did; leave it out")
        if not zookeeper and version and version < FIRST_KRAFT:
            raise ValueError(f"Kafka {tag} needs a ZooKeeper; without one it runs from 3.3 on")
        return zookeeper

    @field_validator("cluster_id")
    @classmethod
    def _cluster_id_is_krafts(cls, cluster_id: str | None, info: ValidationInfo) -> str | None:
        if cluster_id and info.data.get("zookeeper"):
            raise ValueError("a Kafka with a ZooKeeper keeps its cluster's id there; this is for KRaft")
        return cluster_id

    @property
    def min_insync(self) -> int:
        """Replicas that must have a write before it counts (``min.insync.replicas``), of the brokers' configuration."""
        return int(self.config.get("min.insync.replicas", IN_SYNC[self.replicas]))

    def check(self) -> Iterator[Finding]:
        """Yield settings and topics that cannot work with this number of brokers, and an image of another version."""
        yield from super().check()
        tag = _tag_of(self.image or "")
        version, other = version_of(self.version), version_of(tag)
        if version and other and version[0] != other[0]:
            message = f"its tag says Kafka {tag}, the field version {self.version}; leave version out, or correct one"
            yield Finding(("image",), "wrong-value", message)
        yield from check_brokers(self.config, self.replicas)
        yield from check_declared(self.topics, self.replicas)

    def needs(self) -> Iterator[Need]:
        """Yield its ZooKeeper."""
        if self.zookeeper:
            yield Need(("zookeeper",), self.zookeeper, "zookeeper")
