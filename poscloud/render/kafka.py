"""Kafka: one broker or three, registered with a ZooKeeper, or as a quorum of their own (KRaft)."""

from __future__ import annotations

import base64
import hashlib

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.kafka_after import render_after
from poscloud.render.manifest import Manifest
from poscloud.render.pod import TMP_MOUNT, tcp_probe, waiting_probe
from poscloud.render.stateful import Program, member_outputs, render_stateful, settings
from poscloud.spec import KafkaSpec
from poscloud.spec.kafka import LAST_ZOOKEEPER, version_of
from poscloud.spec.kafkaconfig import IN_SYNC
from poscloud.spec.values import MEBIBYTE, parse_quantity

PORT = 9092
CONTROLLER_PORT = 9093
ZOOKEEPER_PORT = 2181
DATA_PATH = "/var/lib/kafka"
CONFIG_PATH = "/opt/poscloud/kafka"
"""Not /etc/kafka: the official image declares a volume below it, which a read-only folder has no place for."""
_CONNECT = f"exec 3<>/dev/tcp/127.0.0.1/{PORT}"
HEAP_DIVISOR = 2
"""A broker lives on the page cache, which counts against its memory limit: half for the heap, half for that."""

CLEANER_BUFFER = 128
"""Mebibytes that compaction takes by default at its start; a broker with a small heap ends with OutOfMemoryError."""
CLEANER_SHARE = 4
"""Part of a smaller heap that compaction may have."""


def kafka_outputs(name: str, environment: str, spec: KafkaSpec) -> dict[str, str]:
    """Return what it offers to others; the url names every member."""
    return member_outputs(name, environment, spec.replicas, PORT)


def render_kafka(context: Context, name: str, spec: KafkaSpec) -> list[Manifest]:
    """Return the manifests of a Kafka."""
    log4j, logging = _logging(spec)
    program = Program(
        kind="kafka",
        command=["bash", f"{CONFIG_PATH}/start.sh"],
        ports={"client": PORT} if spec.zookeeper else {"client": PORT, "controller": CONTROLLER_PORT},
        config={
            "server.properties": _server_properties(context, name, spec),
            **logging,
            "start.sh": _start_script(context, name, spec, log4j),
        },
        config_path=CONFIG_PATH,
        data_path=DATA_PATH,
        user=1000,
        readiness=tcp_probe(PORT, periodSeconds=5, timeoutSeconds=3),
        liveness=tcp_probe(PORT, periodSeconds=10, timeoutSeconds=3),
        startup=waiting_probe(_CONNECT, alive=_CONNECT),
        env={"LOG_DIR": TMP_MOUNT["mountPath"]},  # for the JVM's own log of its collections
        tmp_space="2Gi",  # ten of its files have 100 MiB each
        last=(render_after(context, name, spec, spec.min_insync),),
        own_name=spec.zookeeper is None,  # the broker asks its quorum, by name, before it listens
        replicas=spec.replicas,
        grace_period=120,
        catch_up=30,  # it listens before its replicas are in sync again
    )
    return render_stateful(context, name, spec, program)


def _heap(spec: KafkaSpec) -> int | None:
    """Return the heap in mebibytes; ``None`` where the memory has no limit."""
    limit = spec.resources.limits.memory
    return int(parse_quantity(limit) // HEAP_DIVISOR // MEBIBYTE) if limit else None


def _server_properties(context: Context, name: str, spec: KafkaSpec) -> str:
    values: dict[str, str | int | bool] = {"listeners": f"PLAINTEXT://0.0.0.0:{PORT}"}
    if spec.zookeeper:
        values["zookeeper.connect"] = context.outputs[spec.zookeeper]["url"]
    else:
        values |= _quorum(names.member_dns_names(name, context.namespace, spec.replicas))
    values |= {
        "log.dirs": f"{DATA_PATH}/topics",
        "num.partitions": 3,
        "default.replication.factor": spec.replicas,
        "offsets.topic.replication.factor": spec.replicas,
        "transaction.state.log.replication.factor": spec.replicas,
        "transaction.state.log.min.isr": IN_SYNC[spec.replicas],
        "min.insync.replicas": IN_SYNC[spec.replicas],
        "auto.create.topics.enable": not spec.topics,
        "log.retention.hours": 168,
    }
    if spec.replicas == 1:  # no production: a new group's first member need not wait 3 s for others
        values["group.initial.rebalance.delay.ms"] = 0
    heap = _heap(spec)
    if heap and heap < CLEANER_BUFFER * CLEANER_SHARE:
        values["log.cleaner.dedupe.buffer.size"] = heap // CLEANER_SHARE * MEBIBYTE
    values |= spec.config
    return settings(values, "=")


def _quorum(members: list[str]) -> dict[str, str | int | bool]:
    """Return the settings of brokers that are their own quorum (KRaft, every member broker and controller)."""
    voters = [f"{i}@{host}:{CONTROLLER_PORT}" for i, host in enumerate(members)]
    return {
        "listeners": f"PLAINTEXT://0.0.0.0:{PORT},CONTROLLER://0.0.0.0:{CONTROLLER_PORT}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": ",".join(voters),
    }


def _logging(spec: KafkaSpec) -> tuple[str, dict[str, str]]:
    """Return the JVM's option and the file that make the log go to stdout; Kafka 4 has log4j 2."""
    version = version_of(spec.version)
    pattern = "[%d] %p %m (%c)%n"
    if version and version > LAST_ZOOKEEPER:
        text = {
            "appender.stdout.type": "Console",
            "appender.stdout.name": "stdout",
            "appender.stdout.layout.type": "PatternLayout",
            "appender.stdout.layout.pattern": pattern,
            "rootLogger.level": "info",
            "rootLogger.appenderRef.stdout.ref": "stdout",
        }
        option = f"-Dlog4j2.configurationFile={CONFIG_PATH}/log4j2.properties"
        return option, {"log4j2.properties": settings(text, "=")}
    text = {
        "log4j.rootLogger": "INFO, stdout",
        "log4j.appender.stdout": "org.apache.log4j.ConsoleAppender",
        "log4j.appender.stdout.layout": "org.apache.log4j.PatternLayout",
        "log4j.appender.stdout.layout.ConversionPattern": pattern,
    }
    return f"-Dlog4j.configuration=file:{CONFIG_PATH}/log4j.properties", {
        "log4j.properties": settings(text, "=")
    }


_WITH_ZOOKEEPER = """\
kafka-server-start.sh {config}/server.properties \\
  --override "broker.id=${{HOSTNAME##*-}}" \\
  --override "{advertised}" &
broker=$!
asked=
trap 'asked=yes; kill -TERM "$broker"' TERM INT
wait "$broker" || code=$?
[ -n "$asked" ] || exit "${{code:-0}}"

# Asked to stop, a broker tells the others by ZooKeeper first. Where there is none any more, as when all of an
# environment goes, it would wait for all of its grace period.
answers() {{
  for host in {hosts}; do
    # An address that is gone may give no answer at all, for minutes.
    timeout 2 bash -c ": <>/dev/tcp/$host/{port}" 2>/dev/null && return
  done
  return 1
}}
heard=$SECONDS
while kill -0 "$broker" 2>/dev/null && [ $((SECONDS - heard)) -lt {patience} ]; do
  ! answers || heard=$SECONDS
  sleep 1
done
if kill -0 "$broker" 2>/dev/null; then
  echo "start: no ZooKeeper has answered for {patience} s; ending the broker" >&2
  kill -KILL "$broker"
fi
wait "$broker"
"""
"""Starts the broker and stops it; the shell stays the container's first process for that."""

ZOOKEEPER_PATIENCE = 10
"""Seconds without any ZooKeeper after which a broker that was asked to stop is ended."""


def _start_script(context: Context, name: str, spec: KafkaSpec, log4j: str) -> str:
    host, heap = names.dns_name(name, context.namespace), _heap(spec)
    begin = (
        "set -e\n"
        "# The image's own scripts are in /opt/kafka/bin, which is not always on PATH.\n"
        'export PATH="$PATH:/opt/kafka/bin"\n'
        "# Not variables of the container: a tool that is run in it would take the broker's heap a second time,\n"
        "# and log to where it prints.\n"
        f'export KAFKA_LOG4J_OPTS="{log4j}"\n'
    )
    if heap:
        begin += f'export KAFKA_HEAP_OPTS="-Xms{heap}m -Xmx{heap}m"\n'
    advertised = f"advertised.listeners=PLAINTEXT://${{HOSTNAME}}.{host}:{PORT}"
    if spec.zookeeper:
        members = [member.rpartition(":")[0] for member in context.outputs[spec.zookeeper]["url"].split(",")]
        return begin + _WITH_ZOOKEEPER.format(
            config=CONFIG_PATH,
            advertised=advertised,
            hosts=" ".join(members),
            port=ZOOKEEPER_PORT,
            patience=ZOOKEEPER_PATIENCE,
        )
    own = f"{DATA_PATH}/server.properties"
    return begin + (
        "# What formats the disk takes no --override, so each member has a file of its own.\n"
        f"cp {CONFIG_PATH}/server.properties {own}\n"
        f'echo "node.id=${{HOSTNAME##*-}}" >> {own}\n'
        f'echo "{advertised}" >> {own}\n'
        f"if [ ! -e {DATA_PATH}/topics/meta.properties ]; then\n"
        f"  kafka-storage.sh format --config {own} --cluster-id {_cluster_id(context, name, spec)}\n"
        "fi\n"
        f"exec kafka-server-start.sh {own}\n"
    )


def _cluster_id(context: Context, name: str, spec: KafkaSpec) -> str:
    """Return the given id, or one that is the same for every member and at each start."""
    if spec.cluster_id:
        return spec.cluster_id
    digest = hashlib.sha256(f"{context.namespace}/{name}".encode()).digest()[:16]
    text = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return text.replace("-", "A", 1) if text.startswith("-") else text  # else it would look like an option
