"""Kafka's declared topics: a Job with the image's own tools, which may be run as often as one likes."""

from __future__ import annotations

import shlex

from poscloud.render.context import Context
from poscloud.render.job import HOPELESS, render_job
from poscloud.render.manifest import Manifest
from poscloud.render.placement import placement
from poscloud.render.pod import READ_ONLY, TMP_MOUNT, resources, tmp_volume
from poscloud.spec import KafkaSpec
from poscloud.spec.topics import Topic
from poscloud.spec.values import resources as amounts

_SCRIPT = r"""set -e
export PATH="$PATH:/opt/kafka/bin"
server=@SERVER@
described=$(kafka-topics.sh --bootstrap-server "$server" --describe)
hopeless=0

# topic NAME PARTITIONS REPLICAS [SETTING=VALUE…]
topic() {
  name=$1 partitions=$2 replicas=$3
  shift 3
  line=$(grep -F "Topic: $name"$'\t' <<< "$described" | grep PartitionCount:) || line=
  if [ -z "$line" ]; then
    settings=()
    for setting in "$@"; do settings+=(--config "$setting"); done
    kafka-topics.sh --bootstrap-server "$server" --create --if-not-exists --topic "$name" \
      --partitions "$partitions" --replication-factor "$replicas" "${settings[@]}"
    return
  fi
  found=$(sed 's/.*PartitionCount: *\([0-9]*\).*/\1/' <<< "$line")
  copies=$(sed 's/.*ReplicationFactor: *\([0-9]*\).*/\1/' <<< "$line")
  if [ "$found" -lt "$partitions" ]; then
    kafka-topics.sh --bootstrap-server "$server" --alter --topic "$name" --partitions "$partitions"
  elif [ "$found" -gt "$partitions" ]; then
    echo "topic $name has $found partitions, and Kafka takes none away: declare $found" >&2
    hopeless=@HOPELESS@
  fi
  if [ "$copies" -ne "$replicas" ]; then
    echo "topic $name keeps its $copies replicas; kafka-reassign-partitions.sh makes them $replicas" >&2
  fi
  if [ $# -gt 0 ]; then
    settings=
    for setting in "$@"; do settings="$settings,${setting%%=*}=[${setting#*=}]"; done
    kafka-configs.sh --bootstrap-server "$server" --alter --entity-type topics --entity-name "$name" \
      --add-config "${settings#,}"
  fi
}

@TOPICS@
exit $hopeless
"""


def render_topics(context: Context, name: str, spec: KafkaSpec, in_sync: int) -> list[Manifest]:
    """Return the Job that makes the declared topics; nothing when there are none.

    Args:
        context: The environment.
        name: The Kafka.
        spec: Its description.
        in_sync: Replicas that must have a write before it counts, by the brokers' configuration.
    """
    if not spec.topics:
        return []
    lines = [_line(topic, declared, spec.replicas, in_sync) for topic, declared in spec.topics.items()]
    script = _SCRIPT.replace("@SERVER@", context.outputs[name]["url"])
    script = script.replace("@HOPELESS@", str(HOPELESS)).replace("@TOPICS@", "\n".join(lines))
    pod: Manifest = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    if context.environment.pull_secret:
        pod["imagePullSecrets"] = [{"name": context.environment.pull_secret}]
    container = {
        "name": "topics",
        "image": context.backing_image(spec.image, "kafka", spec.version),
        "imagePullPolicy": "IfNotPresent",
        "command": ["bash", "-c", script],
        "env": [
            {"name": "KAFKA_HEAP_OPTS", "value": "-Xmx128m"},
            {"name": "LOG_DIR", "value": TMP_MOUNT["mountPath"]},
        ],
        "resources": resources(amounts(cpu=("50m", "1"), memory=("128Mi", "384Mi"))),
        "securityContext": dict(READ_ONLY),
        "volumeMounts": [dict(TMP_MOUNT)],
    }
    pod |= placement(context, spec) | {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000},
        "containers": [container],
        "volumes": [tmp_volume()],
    }
    return [render_job(context, name, "kafka", "topics", pod)]


def _line(name: str, topic: Topic, brokers: int, in_sync: int) -> str:
    replicas = topic.replicas or brokers
    config = dict(topic.config)
    if replicas < in_sync:  # else nothing could be written that waits for all
        config.setdefault("min.insync.replicas", replicas)
    settings = [f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in config.items()]
    return shlex.join(["topic", name, str(topic.partitions), str(replicas), *settings])
