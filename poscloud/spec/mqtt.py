"""MqttBroker: Eclipse Mosquitto."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from poscloud.spec.stateful import StatefulSpec
from poscloud.spec.values import Resources, resources


def _only_one(value: object) -> object:
    if value != 1 or isinstance(value, bool):
        raise ValueError(
            f"Mosquitto does not cluster: members would not see each other's clients and messages; "
            f"1 is possible, found {value}"
        )
    return value


class MqttBrokerSpec(StatefulSpec):
    """An MQTT broker, Eclipse Mosquitto, that keeps sessions and retained messages (document 004, `mqtt-0`)."""

    least_memory: ClassVar[str] = "16Mi"
    managed: ClassVar[dict[str, str]] = {
        "listener": "it is always 1883",
        "port": "it is always 1883",
        "bind_address": "clients connect by the Service's name",
        "per_listener_settings": "there is one listener",
        "persistence": "it keeps what it holds on its volume",
        "persistence_file": "the volume is always at /mosquitto/data; its size is storage.size",
        "persistence_location": "the volume is always at /mosquitto/data; its size is storage.size",
        "log_dest": "it logs to stderr, which the pod's log has",
        "pid_file": "a container's program stays in the foreground",
        "user": "it runs as user 1883",
        "include_dir": "its configuration is this one file",
    }
    kind: Literal["mqtt"] = Field("mqtt", description="MQTT broker (Eclipse Mosquitto).")
    version: str = Field("2.0.20", description="Version, the tag in the image pattern.")
    replicas: Annotated[Literal[1], BeforeValidator(_only_one)] = Field(
        1, description="One; Mosquitto does not cluster."
    )
    config: dict[str, str | int | bool] = Field({}, description="Further mosquitto.conf settings.")
    resources: Resources = Field(
        resources(cpu=("20m", "1"), memory=("64Mi", "256Mi")), description="CPU, memory."
    )
