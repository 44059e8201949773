"""Backing services: the stateful dependencies of an environment."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from poscloud.spec.base import Name
from poscloud.spec.service import Overrides
from poscloud.spec.values import Resources, Storage, WithResources, resources


def _not_a_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected 1 or 3, found " + str(value).lower())
    return value


Members = Annotated[Literal[1, 3], BeforeValidator(_not_a_bool)]
"""One, or three that keep a quorum when one is lost."""


class StatefulSpec(WithResources):
    """The fields every backing service has."""

    managed: ClassVar[dict[str, str]] = {}
    """Setting in lower case, as a pattern → why ``config`` may not have it."""

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

    @field_validator("config", check_fields=False)
    @classmethod
    def _config_is_free(cls, config: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        for key, value in config.items():
            if not key.strip() or re.search(r"[\r\n]", f"{key}{value}"):
                raise ValueError(
                    f"{key!r}: {value!r} is not one setting: a name, and a value on the same line"
                )
            name = re.split(r"[\s=:]", key.strip())[0]
            for pattern, instead in cls.managed.items():
                if fnmatchcase(name.lower(), pattern):
                    raise ValueError(f"'{name}' may not be set here: {instead}")
        return config


class ZooKeeperSpec(StatefulSpec):
    """ZooKeeper, alone or as a quorum of three."""

    least_memory: ClassVar[str] = "128Mi"
    managed: ClassVar[dict[str, str]] = {
        "clientport": "it is always 2181",
        "datadir": "the volume is always at /data; its size is storage.size",
        "server.*": "the members follow from replicas",
        "4lw.commands.whitelist": "the probes need ruok and srvr",
    }
    kind: Literal["zookeeper"] = Field("zookeeper", description="Apache ZooKeeper.")
    version: str = Field("3.8.4", description="Version, the tag in the image pattern.")
    replicas: Members = Field(1, description="Members: one, or three that keep a quorum when one is lost.")
    config: dict[str, str | int | bool] = Field({}, description="Further zoo.cfg settings.")
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("256Mi", "512Mi")), description="CPU, memory."
    )


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


class RedisSpec(StatefulSpec):
    """A single Redis with append-only persistence."""

    least_memory: ClassVar[str] = "16Mi"
    managed: ClassVar[dict[str, str]] = {
        "port": "it is always 6379",
        "bind": "clients connect by the Service's name",
        "dir": "the volume is always at /data; its size is storage.size",
        "logfile": "it logs to stdout",
        "daemonize": "a container's program stays in the foreground",
        "maxmemory": "it is half of resources.limits.memory; use that field",
        "requirepass": "a password in a ConfigMap is readable by everybody; not supported in config",
        "masterauth": "a password in a ConfigMap is readable by everybody; not supported in config",
    }
    kind: Literal["redis"] = Field("redis", description="Redis.")
    version: str = Field("3.2.12", description="Version, the tag in the image pattern.")
    config: dict[str, str | int | bool] = Field({}, description="Further redis.conf settings.")
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("128Mi", "512Mi")), description="CPU, memory."
    )


class MongoSpec(StatefulSpec):
    """A single MongoDB."""

    least_memory: ClassVar[str] = "256Mi"
    kind: Literal["mongo"] = Field("mongo", description="MongoDB.")
    version: str = Field("3.6.4", description="Version, the tag in the image pattern.")
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("512Mi", "2Gi")), description="CPU, memory."
    )


BackingSpec = Annotated[ZooKeeperSpec | KafkaSpec | RedisSpec | MongoSpec, Field(discriminator="kind")]
