"""Kafka: one broker or three, registered with the environment's ZooKeeper."""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.pod import tcp_probe
from poscloud.render.stateful import Program, member_outputs, render_stateful, settings
from poscloud.spec import KafkaSpec
from poscloud.spec.values import MEBIBYTE, parse_quantity

PORT = 9092
DATA_PATH = "/var/lib/kafka"
CONFIG_PATH = "/opt/poscloud/kafka"
"""Not /etc/kafka: the official image declares a volume below it, which a read-only folder has no place for."""
HEAP_DIVISOR = 2
"""A broker lives on the page cache, which counts against its memory limit: half for the heap, half for that."""


def kafka_outputs(name: str, environment: str, spec: KafkaSpec) -> dict[str, str]:
    """Return what it offers to others; the url names every member."""
    return member_outputs(name, environment, spec.replicas, PORT)


def render_kafka(context: Context, name: str, spec: KafkaSpec) -> list[Manifest]:
    """Return the manifests of a Kafka."""
    env = {"KAFKA_LOG4J_OPTS": f"-Dlog4j.configuration=file:{CONFIG_PATH}/log4j.properties"}
    if spec.resources.limits.memory:
        heap = int(parse_quantity(spec.resources.limits.memory) // HEAP_DIVISOR // MEBIBYTE)
        env["KAFKA_HEAP_OPTS"] = f"-Xms{heap}m -Xmx{heap}m"
    program = Program(
        kind="kafka",
        command=["bash", f"{CONFIG_PATH}/start.sh"],
        ports={"client": PORT},
        config={
            "server.properties": _server_properties(context, spec),
            "log4j.properties": _log4j_properties(),
            "start.sh": _start_script(context, name),
        },
        config_path=CONFIG_PATH,
        data_path=DATA_PATH,
        user=1000,
        readiness=tcp_probe(PORT, periodSeconds=5, timeoutSeconds=3),
        liveness=tcp_probe(PORT, periodSeconds=10, timeoutSeconds=3),
        env=env,
        replicas=spec.replicas,
        grace_period=120,
    )
    return render_stateful(context, name, spec, program)


def _server_properties(context: Context, spec: KafkaSpec) -> str:
    in_sync = 2 if spec.replicas > 2 else 1
    values: dict[str, str | int | bool] = {
        "listeners": f"PLAINTEXT://0.0.0.0:{PORT}",
        "zookeeper.connect": context.outputs[spec.zookeeper]["url"],
        "log.dirs": f"{DATA_PATH}/topics",
        "num.partitions": 3,
        "default.replication.factor": spec.replicas,
        "offsets.topic.replication.factor": spec.replicas,
        "transaction.state.log.replication.factor": spec.replicas,
        "transaction.state.log.min.isr": in_sync,
        "min.insync.replicas": in_sync,
        "auto.create.topics.enable": True,
        "log.retention.hours": 168,
        **spec.config,
    }
    return settings(values, "=")


def _log4j_properties() -> str:
    return settings(
        {
            "log4j.rootLogger": "INFO, stdout",
            "log4j.appender.stdout": "org.apache.log4j.ConsoleAppender",
            "log4j.appender.stdout.layout": "org.apache.log4j.PatternLayout",
            "log4j.appender.stdout.layout.ConversionPattern": "[%d] %p %m (%c)%n",
        },
        "=",
    )


def _start_script(context: Context, name: str) -> str:
    host = names.dns_name(name, context.namespace)
    return (
        "set -e\n"
        "# The image's own scripts are in /opt/kafka/bin, which is not always on PATH.\n"
        'export PATH="$PATH:/opt/kafka/bin"\n'
        f"exec kafka-server-start.sh {CONFIG_PATH}/server.properties \\\n"
        '  --override "broker.id=${HOSTNAME##*-}" \\\n'
        f'  --override "advertised.listeners=PLAINTEXT://${{HOSTNAME}}.{host}:{PORT}"\n'
    )
