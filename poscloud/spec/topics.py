"""Topics of a Kafka, and whether what is written to is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, StrictInt, field_validator

from poscloud.spec.base import Model
from poscloud.spec.filebeat_output import KafkaOutput
from poscloud.spec.kafkaconfig import integer
from poscloud.spec.references import Finding, Path, nearest

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec
    from poscloud.spec.filebeat import FilebeatSidecar


def _topic_name(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", name) or name in {".", ".."}:
        raise ValueError(f"'{name}' is no topic: at most 249 letters, digits, '.', '_' and '-'")
    return name


TopicName = Annotated[str, AfterValidator(_topic_name)]


class Topic(Model):
    """A topic that is there when the services start."""

    partitions: StrictInt = Field(
        3, ge=1, le=10000, description="Partitions; more can be added later, none taken away."
    )
    replicas: StrictInt | None = Field(
        None, ge=1, le=1000, description="Brokers that hold each partition; left out, all of them."
    )
    config: dict[str, str | int | bool] = Field(
        {}, description="Settings of the topic.", examples=[{"retention.ms": 604800000}]
    )

    @field_validator("config")
    @classmethod
    def _each_is_one_line(cls, config: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        for key, value in config.items():
            if not re.fullmatch(r"[a-z.]+", key) or not re.fullmatch(r"[^\s\[\]]+", str(value)):
                raise ValueError(
                    f"{key!r}: {value!r} is no setting of a topic: a name, and a value without spaces"
                )
        return config


def check_declared(topics: Mapping[str, Topic], brokers: int) -> Iterator[Finding]:
    """Yield what so many brokers cannot keep of the topics, and two topics that Kafka takes for one."""
    seen: dict[str, str] = {}
    for name, topic in topics.items():
        first = seen.setdefault(name.replace(".", "_"), name)
        if first != name:
            message = f"'{first}' and '{name}' are one name in Kafka's metrics"
            yield Finding(("topics", name), "wrong-value", message)
        if topic.replicas and topic.replicas > brokers:
            message = f"{name}: {topic.replicas} replicas, but there is only {brokers} broker(s)"
            yield Finding(("topics", name, "replicas"), "wrong-value", message)
            continue
        least = topic.config.get("min.insync.replicas", 1)
        replicas, number = topic.replicas or brokers, integer(least)
        if number is None or not 1 <= number <= replicas:
            message = f"{least} is not possible with {replicas} replica(s): a number from 1 to {replicas}"
            yield Finding(("topics", name, "config", "min.insync.replicas"), "wrong-value", message)


def check_topics(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each sidecar that writes to a topic which its Kafka, declaring others, does not have."""
    findings = _check(spec, spec.filebeat or None, ("filebeat",)) if spec.services else []
    for name, service in spec.services.items():
        if service.filebeat and (service.filebeat.target() or not spec.filebeat):
            findings += _check(spec, spec.filebeat_of(service), ("services", name, "filebeat"))
    return findings


def _check(spec: EnvironmentSpec, sidecar: FilebeatSidecar | None, path: Path) -> list[Finding]:
    output = sidecar.output if sidecar else None
    if not isinstance(output, KafkaOutput):
        return []
    declared: dict[str, Topic] = getattr(spec.backing.get(output.backing or ""), "topics", {})
    if not declared or output.topic in declared:
        return []
    message = f"'{output.topic}' is none of the topics that '{output.backing}' declares"
    return [Finding((*path, "kafka", "topic"), "unknown-topic", message, nearest(output.topic, declared))]
