"""FilebeatSidecar: a container beside the application that ships its log files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from poscloud.spec.base import Model, Name
from poscloud.spec.part import Need
from poscloud.spec.values import Resources, WithResources, resources

MULTILINE_PATTERNS = {
    "timestamp": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}.[0-9]{3}",
    "bracket": r"^\[",
}
"""Preset → pattern of an event's first line; following lines that do not match belong to it."""


class KafkaOutput(Model):
    """Where Filebeat sends events: a Kafka topic (``output.kafka``)."""

    backing: Name | None = Field(
        "kafka", description="Kafka of this environment; the service then starts after it is ready."
    )
    hosts: tuple[str, ...] = Field(
        (),
        description="Brokers host:port outside this environment, instead of `backing`.",
        examples=[["10.31.222.108:9092"]],
    )
    topic: str = Field("applog", description="Topic.", pattern=r"^[a-zA-Z0-9._-]{1,249}$")
    required_acks: Literal[-1, 0, 1] = Field(1, description="Acknowledgements a write waits for.")
    compression: Literal["none", "snappy", "lz4", "gzip"] = Field("gzip", description="Compression.")

    @model_validator(mode="before")
    @classmethod
    def _hosts_replace_backing(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("hosts") and "backing" not in data:
            return {**data, "backing": None}
        return data

    @model_validator(mode="after")
    def _one_target(self) -> KafkaOutput:
        if bool(self.backing) == bool(self.hosts):
            raise ValueError(
                "give either backing (a Kafka of this environment) or hosts (brokers outside it)"
            )
        return self


class FilebeatSidecar(WithResources):
    """Ships the log files in the shared ``logs`` volume, with fields for namespace, service and pod address.

    Not a resource of its own: a value that is added to a service's pod.
    """

    version: str = Field("6.0.0", description="Filebeat version, the tag in the image pattern.")
    image: str | None = Field(
        None, description="Image; left out, made from the environment's `images.sidecar`."
    )
    paths: tuple[str, ...] = Field(
        ("/mnt/*.log",), min_length=1, description="Log files, as seen in the sidecar."
    )
    multiline: Literal["timestamp", "bracket", "none"] = Field(
        "timestamp", description="What begins a new event; other lines (stack traces) are joined to it."
    )
    fields: dict[str, str] = Field({}, description="Further fields added to every event.")
    kafka: KafkaOutput = Field(KafkaOutput(), description="Target.")
    level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        "info", description="logging.level."
    )
    resources: Resources = Field(
        resources(cpu=("10m", "200m"), memory=("64Mi", "256Mi")), description="CPU and memory of the sidecar."
    )

    def needs(self) -> Iterator[Need]:
        """Yield the backing service of this environment that it writes to."""
        if self.kafka.backing:
            yield Need(("filebeat",), self.kafka.backing, "kafka")
