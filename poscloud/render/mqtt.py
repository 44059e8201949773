"""MQTT broker: Eclipse Mosquitto with persistence, logging to stderr."""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import tcp_probe
from poscloud.render.stateful import Program, render_stateful, settings
from poscloud.spec import MqttBrokerSpec

PORT = 1883
DATA_PATH = "/mosquitto/data"
CONFIG_PATH = "/etc/mosquitto"


def mqtt_outputs(name: str, environment: str, spec: MqttBrokerSpec) -> dict[str, str]:
    """Return what it offers to others; ``tcp://`` is the scheme that every client library knows."""
    host = names.dns_name(name, environment)
    return {"host": host, "port": str(PORT), "url": f"tcp://{host}:{PORT}"}


def render_mqtt(context: Context, name: str, spec: MqttBrokerSpec) -> list[Manifest]:
    """Return the manifests of an MQTT broker."""
    program = Program(
        kind="mqtt",
        command=["mosquitto", "-c", f"{CONFIG_PATH}/mosquitto.conf"],
        ports={"client": PORT},
        config={"mosquitto.conf": _mosquitto_conf(spec)},
        config_path=CONFIG_PATH,
        data_path=DATA_PATH,
        user=1883,
        # It listens only after it has read its database.
        readiness=tcp_probe(PORT, periodSeconds=10, timeoutSeconds=3),
        liveness=tcp_probe(PORT, periodSeconds=10, timeoutSeconds=3),
    )
    return render_stateful(context, name, spec, program)


def _mosquitto_conf(spec: MqttBrokerSpec) -> str:
    values: dict[str, str | int | bool] = {
        "persistence": True,
        "persistence_location": f"{DATA_PATH}/",
        "autosave_interval": 60,  # seconds; by default half an hour of messages is lost with a node
        "log_dest": "stderr",  # what goes to stdout stays in a buffer, unless that is a terminal
        "log_timestamp_format": "%Y-%m-%dT%H:%M:%S",
        # Settings of the listener may follow it, so it stands before the writer's own.
        "listener": PORT,
        "allow_anonymous": True,  # from 2.0 on the default is false
        **spec.config,
    }
    return settings(values, " ")
