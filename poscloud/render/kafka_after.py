"""What comes after the brokers: a Job that makes the declared topics, then writes and reads; it may be run again."""

from __future__ import annotations

import shlex

from poscloud.render.context import Context
from poscloud.render.job import HOPELESS, render_job
from poscloud.render.manifest import Manifest
from poscloud.render.placement import placement
from poscloud.render.pod import READ_ONLY, TMP_MOUNT, resources, tmp_volume
from poscloud.spec import KafkaSpec
from poscloud.spec.kafka import version_of
from poscloud.spec.topics import Topic
from poscloud.spec.values import parse_quantity
from poscloud.spec.values import resources as amounts

USABLE = "poscloud-usable"
"""Topic and consumer group of the proof that something can be written and read."""

FIRST_PROVABLE = (2, 5)
"""The first version whose tools to write and to create topics take the brokers' address all by the same option."""

_BEGIN = r"""set -eE
trap 'exit 1' ERR  # what a tool ends with by itself would else be taken for this script's own verdict
export PATH="$PATH:/opt/kafka/bin"
server=@SERVER@
"""

_TOPICS = r"""described=$(kafka-topics.sh --bootstrap-server "$server" --describe)
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

# A broker accepts connections before it has a leader for anything; a group needs Kafka's own topic of offsets, too.
# The reader starts beside the writer, because both spend their time on starting, and with half the heap, because the
# topics are made meanwhile.
_PROOF = r"""for tool in kafka-topics.sh kafka-console-producer.sh kafka-console-consumer.sh; do
  command -v $tool > /dev/null || { echo "not tried whether it can be used: the image has no $tool" >&2; exit 0; }
done
export KAFKA_HEAP_OPTS=-Xmx64m
kafka-topics.sh --bootstrap-server "$server" --create --if-not-exists --topic @USABLE@ --partitions 1 \
  --replication-factor @BROKERS@ --config retention.ms=3600000
exec 4< <(exec kafka-console-consumer.sh --bootstrap-server "$server" --topic @USABLE@ --group @USABLE@ \
  --from-beginning --max-messages 1 --timeout-ms 60000)
reader=$!
trap 'kill $reader 2> /dev/null || :' EXIT
echo usable | kafka-console-producer.sh --bootstrap-server "$server" --topic @USABLE@ --sync \
  --producer-property acks=all --producer-property request.timeout.ms=10000 \
  --producer-property delivery.timeout.ms=30000 > /dev/null ||
  { echo "nothing could be written to the topic @USABLE@" >&2; exit 1; }
read=$(cat <&4)
[ "$read" = usable ] || { echo "what was written to the topic @USABLE@ could not be read" >&2; exit 1; }
echo "written and read"
"""

# What the proof says comes after what the topics say, and not at all where these have failed: their reason is then
# the last that the log says, and nobody waits for the proof, which ends with the container.
_BOTH = """said=$(mktemp)
(
@PROOF@) > "$said" 2>&1 & proof=$!
(
@TOPICS@) & topics=$!
wait $topics || exit $?
code=0
wait $proof || code=$?
cat "$said"
exit $code
"""


def render_after(context: Context, name: str, spec: KafkaSpec, in_sync: int) -> Manifest:
    """Return the Job that makes the declared topics and proves that messages can be written and read.

    What refers to a Kafka starts after it: a broker that accepts connections need not be one that can be used.

    Args:
        context: The environment.
        name: The Kafka.
        spec: Its description.
        in_sync: Replicas that must have a write before it counts, by the brokers' configuration.
    """
    version = version_of(spec.version)
    if version is None or version >= FIRST_PROVABLE:
        script = _PROOF.replace("@USABLE@", USABLE).replace("@BROKERS@", str(spec.replicas))
    else:
        script = f"echo 'not tried whether it can be used: the tools of {spec.version} cannot' >&2\n"
    if spec.topics:
        lines = [_line(topic, declared, spec.replicas, in_sync) for topic, declared in spec.topics.items()]
        topics = _TOPICS.replace("@HOPELESS@", str(HOPELESS)).replace("@TOPICS@", "\n".join(lines))
        script = _BOTH.replace("@PROOF@", script).replace("@TOPICS@", topics)
    script = _BEGIN.replace("@SERVER@", context.outputs[name]["url"]) + script
    purpose = "topics" if spec.topics else "usable"
    return render_job(context, name, "kafka", purpose, _pod(context, spec, purpose, script))


def _pod(context: Context, spec: KafkaSpec, purpose: str, script: str) -> Manifest:
    pod: Manifest = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    if context.environment.pull_secret:
        pod["imagePullSecrets"] = [{"name": context.environment.pull_secret}]
    container = {
        "name": purpose,
        "image": context.backing_image(spec.image, "kafka", spec.version),
        "imagePullPolicy": "IfNotPresent",
        "command": ["bash", "-c", script],
        "env": [
            {"name": "KAFKA_HEAP_OPTS", "value": "-Xmx128m"},
            # Short runs of a JVM, up to three at once, while everything else starts: a third less of the processor
            # than with the server's settings, which kafka-run-class.sh has where this says nothing.
            {
                "name": "KAFKA_JVM_PERFORMANCE_OPTS",
                "value": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto",
            },
            {"name": "LOG_DIR", "value": TMP_MOUNT["mountPath"]},
        ],
        "resources": resources(
            amounts(
                cpu=("50m", _most(context, "cpu", "2")), memory=("128Mi", _most(context, "memory", "512Mi"))
            )
        ),
        "securityContext": dict(READ_ONLY),
        "volumeMounts": [dict(TMP_MOUNT)],
    }
    pod |= placement(context, spec) | {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000},
        "containers": [container],
        "volumes": [tmp_volume()],
    }
    return pod


def _most(context: Context, resource: str, wanted: str) -> str:
    """Return a limit, or what the environment lets one container have where that is less."""
    limits = context.environment.limits
    most = getattr(limits.max, resource) if limits else None
    return min(wanted, most or wanted, key=parse_quantity)


def _line(name: str, topic: Topic, brokers: int, in_sync: int) -> str:
    replicas = topic.replicas or brokers
    config = dict(topic.config)
    if replicas < in_sync:  # else nothing could be written that waits for all
        config.setdefault("min.insync.replicas", replicas)
    settings = [f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in config.items()]
    return shlex.join(["topic", name, str(topic.partitions), str(replicas), *settings])
