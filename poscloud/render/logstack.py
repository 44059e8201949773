"""The log stack: ConfigMap with Logstash's pipeline, Service, Deployment, and the Job that writes index patterns."""

from __future__ import annotations

import json
from typing import Any

from poscloud.quantity import parse_quantity
from poscloud.render import names
from poscloud.render.container import Container, render_container, timing, variables
from poscloud.render.context import Context
from poscloud.render.job import render_job
from poscloud.render.manifest import Manifest, checksum
from poscloud.render.placement import placement
from poscloud.render.pod import HOST_TIME_MOUNT, READ_ONLY, TMP_MOUNT, resources, secret_env, tmp_volume
from poscloud.render.service import Application, render_service
from poscloud.spec import LogStackSpec, SecretKey
from poscloud.spec.logstack import KafkaSource, KibanaTarget, RedisSource
from poscloud.spec.password import PASSWORD_KEY
from poscloud.spec.values import resources as amounts

KIND = "log-stack"
CONFIG_PATH = "/etc/logstash"
DATA_PATH = "/usr/share/logstash/data"
PIPELINE, PATTERNS = "pipeline.conf", "index-patterns.ndjson"
DATA_SPACE = "1Gi"
USER = 1000
REDIS_PORT = 6379

FIELDS = ("namespace", "service-name", "pod-ip")
"""What the sidecars write of each event's pod (render/filebeat.py)."""

_CURL = "{registry}/curl:8"

_SETTINGS = """\
http.host: "0.0.0.0"
http.port: {port}
path.data: {data}
log.format: plain
xpack.monitoring.enabled: false
"""

_LOGGING = """\
status = error
name = LogstashPropertiesConfig
appender.console.type = Console
appender.console.name = plain_console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = plain_console
"""

_JVM = """\
-Djava.awt.headless=true
-Dfile.encoding=UTF-8
-Djava.io.tmpdir=/tmp
-XX:+ExitOnOutOfMemoryError
"""

SCRIPT = """\
# Gives Kibana the index patterns and searches in $FILE; as often as one likes.
set -eu
login=
[ -z "${KIBANA_PASSWORD:-}" ] || login=$(printf 'user = "%s:%s"' "$KIBANA_USER" \\
  "$(printf %s "$KIBANA_PASSWORD" | sed 's/[\\\\"]/\\\\&/g')")
# The password goes by standard input: who may see processes sees arguments.
answer=$(printf '%s\\n' "$login" | curl --config - --silent --show-error --fail-with-body --max-time 60 \\
  --retry 5 --retry-connrefused --header 'kbn-xsrf: poscloud' --form "file=@$FILE" \\
  "$KIBANA_URL/api/saved_objects/_import?overwrite=true")
echo "$answer"
case "$answer" in
  *'"success":true'*) ;;
  *) echo "Kibana has not taken all of them" >&2; exit 1 ;;
esac
"""


def render_log_stack(context: Context, name: str, spec: LogStackSpec) -> list[Manifest]:
    """Return the manifests of one log stack, in the order they are made."""
    config = {
        PIPELINE: pipeline(context, name, spec),
        "logstash.yml": _SETTINGS.format(port=spec.port, data=DATA_PATH),
        "log4j2.properties": _LOGGING,
        "jvm.options": _JVM,
    }
    if spec.kibana:
        config[PATTERNS] = index_patterns(context, spec.index, spec.kibana)
    application = Application(
        kind=KIND,
        logs_path="",
        config=config,
        config_path=CONFIG_PATH,
        volumes=({"name": "data", "emptyDir": {"sizeLimit": DATA_SPACE}},),
        containers=(_logstash(context, name, spec),),
        grace_period=60,
    )
    made = render_service(context, name, spec, application)
    return [*made, _kibana_job(context, name, spec, spec.kibana)] if spec.kibana else made


def pipeline(context: Context, name: str, spec: LogStackSpec) -> str:
    """Return Logstash's pipeline."""
    inputs: list[str] = []
    if spec.kafka:
        inputs += _kafka_input(context, name, spec.kafka)
    if spec.redis:
        inputs += _redis_inputs(context, spec.redis)
    hosts = ", ".join(_text(url) for url in spec.elasticsearch.hosts)
    target = [f"hosts => [{hosts}]", f'index => "{spec.index}-%{{[namespace]}}-%{{+YYYY.MM.dd}}"']
    if spec.elasticsearch.username:
        target += [f"user => {_text(spec.elasticsearch.username)}", 'password => "${ELASTICSEARCH_PASSWORD}"']
    renamed = [f'"[fields][{field}]" => "[{field}]"' for field in FIELDS]
    lines = [
        "input {",
        *_indented(inputs),
        "}",
        "filter {",
        "  mutate {",
        "    rename => {",
        *_indented(renamed, 6),
        "    }",
        "  }",
        # An index without a name would be called %{[namespace]}, which Elasticsearch refuses.
        "  if ![namespace] {",
        '    mutate { add_field => { "namespace" => "unknown" } }',
        "  }",
        "}",
        "output {",
        "  elasticsearch {",
        *_indented(target, 4),
        "  }",
        "}",
    ]
    return "\n".join([*lines, ""])


def index_patterns(context: Context, index: str, kibana: KibanaTarget) -> str:
    """Return Kibana's index patterns and searches, as it imports them: one of all, one of each namespace."""
    chosen = kibana.namespaces or (context.namespace,)
    titles = {index: f"{index}-*"} | {f"{index}-{name}": f"{index}-{name}-*" for name in chosen}
    found: list[dict[str, Any]] = []
    for key, title in titles.items():
        found.append(
            {
                "type": "index-pattern",
                "id": key,
                "attributes": {"title": title, "timeFieldName": "@timestamp"},
                "references": [],
            }
        )
        found.append(_search(key, title))
    return "".join(json.dumps(each) + "\n" for each in found)


def _search(key: str, title: str) -> dict[str, Any]:
    """Return the search that shows of each event whose it is."""
    reference = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {"query": {"query": "", "language": "kuery"}, "filter": [], "indexRefName": reference}
    return {
        "type": "search",
        "id": key,
        "attributes": {
            "title": f"{title} by {', '.join(FIELDS)}",
            "columns": [*FIELDS, "message"],
            "sort": [["@timestamp", "desc"]],
            "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
        },
        "references": [{"name": reference, "type": "index-pattern", "id": key}],
    }


def _logstash(context: Context, name: str, spec: LogStackSpec) -> Manifest:
    megabytes = int(parse_quantity(spec.heap) / (1 << 20))
    mounts: list[Manifest] = [
        {"name": "config", "mountPath": CONFIG_PATH},
        {"name": "data", "mountPath": DATA_PATH},
    ]
    if spec.host_time:
        mounts.append(dict(HOST_TIME_MOUNT))
    probe = {"httpGet": {"path": "/", "port": spec.port}, **timing(spec.probes)}
    first = {"LS_JAVA_OPTS": f"-Xms{megabytes}m -Xmx{megabytes}m"}
    container = Container(
        name=name,
        image=context.backing_image(spec.image, "logstash", spec.version),
        pull_policy=spec.pull_policy,
        resources=spec.resources,
        env=[*variables(context, spec.uses, spec.env, first), *_passwords(context, spec)],
        # Not by the image's own start, which writes into its settings.
        command=("logstash", "--path.settings", CONFIG_PATH, "-f", f"{CONFIG_PATH}/{PIPELINE}"),
        ports=spec.ports(),
        probes={"readinessProbe": probe, "livenessProbe": probe},
        mounts=tuple(mounts),
        user=USER,
    )
    return render_container(container)


def _passwords(context: Context, spec: LogStackSpec) -> list[Manifest]:
    """Return the variables with passwords: the pipeline is in a ConfigMap."""
    found = []
    if spec.redis and (key := _redis_password(context, spec.redis)):
        found.append(secret_env("REDIS_PASSWORD", key.secret, key.key))
    if key := spec.elasticsearch.password:
        found.append(secret_env("ELASTICSEARCH_PASSWORD", key.secret, key.key))
    return found


def _kafka_input(context: Context, name: str, source: KafkaSource) -> list[str]:
    servers = context.outputs[source.backing]["url"] if source.backing else ",".join(source.hosts)
    return [
        "kafka {",
        f"  bootstrap_servers => {_text(servers)}",
        f"  topics => [{', '.join(map(_text, source.topics))}]",
        f"  group_id => {_text(source.group or f'{context.namespace}-{name}')}",
        f"  consumer_threads => {source.threads}",
        # Who comes later reads what is there, and not only what is new.
        '  auto_offset_reset => "earliest"',
        "  codec => json",
        "}",
    ]


def _redis_inputs(context: Context, source: RedisSource) -> list[str]:
    hosts = list(source.hosts)
    if source.backing:
        redis = context.outputs[source.backing]
        hosts = [f"{redis['host']}:{redis['port']}"]
    lines: list[str] = []
    for each in hosts:
        host, port = _split(each)
        lines += [
            "redis {",
            f"  host => {_text(host)}",
            f"  port => {port}",
            f"  data_type => {_text('channel' if source.channel else 'list')}",
            f"  key => {_text(source.key)}",
            *(['  password => "${REDIS_PASSWORD}"'] if _redis_password(context, source) else []),
            "  codec => json",
            "}",
        ]
    return lines


def _redis_password(context: Context, source: RedisSource) -> SecretKey | None:
    secret = context.outputs[source.backing].get(names.SECRET_OUTPUT) if source.backing else None
    return SecretKey(secret=secret, key=PASSWORD_KEY) if secret else source.password


def _split(host: str) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``[address]:port`` or a host alone."""
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        return host.strip("[]"), REDIS_PORT
    return name.strip("[]"), int(port)


def _kibana_job(context: Context, name: str, spec: LogStackSpec, kibana: KibanaTarget) -> Manifest:
    pod: Manifest = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    if context.environment.pull_secret:
        pod["imagePullSecrets"] = [{"name": context.environment.pull_secret}]
    env = [{"name": "KIBANA_URL", "value": kibana.url.rstrip("/")}]
    env.append({"name": "FILE", "value": f"{CONFIG_PATH}/{PATTERNS}"})
    if kibana.username and kibana.password:
        env.append({"name": "KIBANA_USER", "value": kibana.username})
        env.append(secret_env("KIBANA_PASSWORD", kibana.password.secret, kibana.password.key))
    # Other patterns are another Job, which is run; its name has a checksum of its pods.
    env.append({"name": "PATTERNS", "value": checksum(index_patterns(context, spec.index, kibana))})
    container = {
        "name": "patterns",
        "image": kibana.image or _CURL.format(registry=context.environment.registry),
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", SCRIPT],
        "env": env,
        "resources": resources(amounts(cpu=("10m", "200m"), memory=("16Mi", "64Mi"))),
        "securityContext": dict(READ_ONLY),
        "volumeMounts": [{"name": "config", "mountPath": CONFIG_PATH, "readOnly": True}, dict(TMP_MOUNT)],
    }
    pod |= placement(context, spec) | {
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER},
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": names.part_config(name)}}, tmp_volume()],
    }
    return render_job(context, name, KIND, "kibana", pod)


def _text(value: str) -> str:
    """Return a text as the pipeline has it; what has a quote, ``${`` or ``%{`` in it, the spec does not let through."""
    return f'"{value}"'


def _indented(lines: list[str], spaces: int = 2) -> list[str]:
    return [f"{' ' * spaces}{line}" for line in lines]
