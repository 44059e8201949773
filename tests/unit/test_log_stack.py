"""A log stack as it is described and rendered; its pipeline is read by a parser of Logstash's own grammar."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from logstash_pipeline_parser import Pipeline

from poscloud.errors import InputError
from poscloud.render import Manifest, render_environment
from poscloud.render.logstack import FIELDS, PATTERNS, PIPELINE
from tests.unit.conftest import Project
from tests.write_golden import GOLDEN, render_example

STACK = """\
backing: {{zookeeper: {{}}, kafka: {{}}, redis: {{{redis}}}}}
services:
  logs: {{kind: log-stack, elasticsearch: {{hosts: ["http://es:9200"]}}, {fields}}}
"""


def rendered(project: Project, fields: str, redis: str = "") -> dict[str, Manifest]:
    parts = render_environment(project.load(STACK.format(fields=fields, redis=redis)))
    return {m["kind"]: m for part in parts for m in part.manifests if part.kind == "log-stack"}


def config(project: Project, fields: str, redis: str = "") -> dict[str, str]:
    return dict(rendered(project, fields, redis)["ConfigMap"]["data"])


def parsed(text: str) -> dict[str, list[Any]]:
    """Return the sections of a pipeline: input, filter, output."""
    return {section: plugins for section, plugins in Pipeline(text).parse()}


def plugins(text: str, section: str) -> list[tuple[str, dict[str, Any]]]:
    return [(name, dict(settings)) for name, settings in parsed(text)[section]]


def test_the_example_is_as_the_golden_file_says() -> None:
    golden = (GOLDEN / "examples" / "log-stack.yaml").read_text()
    assert render_example("log-stack") == golden, "run `make golden` and read the difference"


def test_events_of_kafka_become_indices_of_their_namespace(project: Project) -> None:
    text = config(project, "kafka: {topics: [applog, trades], threads: 3}")[PIPELINE]
    ((name, kafka),) = plugins(text, "input")
    assert name == "kafka"
    assert "'applog', 'trades'" in str(kafka["topics"])
    assert "env-logs" in str(kafka["group_id"])
    ((target, elasticsearch),) = plugins(text, "output")
    assert target == "elasticsearch"
    assert "applog-%{[namespace]}-%{+YYYY.MM.dd}" in str(elasticsearch["index"])
    filters = str(parsed(text)["filter"])
    assert all(f"[fields][{field}]" in filters for field in FIELDS)


def test_each_redis_outside_is_an_input_and_a_port_may_be_left_out(project: Project) -> None:
    fields = 'redis: {hosts: ["cache", "cache-2:6380", "[::1]:6379"], password: {secret: elk, key: redis}}'
    text = config(project, fields)[PIPELINE]
    assert len(plugins(text, "input")) == 3
    found = re.findall(r'host => "(.*)"\n +port => (\d+)', text)
    assert found == [("cache", "6379"), ("cache-2", "6380"), ("::1", "6379")]


def test_passwords_are_variables(project: Project) -> None:
    made = rendered(project, "redis: {}", redis="password: true")
    (container,) = made["Deployment"]["spec"]["template"]["spec"]["containers"]
    env = {e["name"]: e.get("valueFrom", {}).get("secretKeyRef") for e in container["env"]}
    assert env["REDIS_PASSWORD"] == {"name": "redis", "key": "password"}
    assert 'password => "${REDIS_PASSWORD}"' in made["ConfigMap"]["data"][PIPELINE]
    assert "REDIS_PASSWORD" not in config(project, "redis: {}")[PIPELINE]


def test_kibana_gets_a_pattern_for_all_and_one_for_each_namespace(project: Project) -> None:
    fields = "kafka: {}, kibana: {url: 'http://kibana:5601/', namespaces: [dac-test, dac-stage]}"
    made = rendered(project, fields)
    entries = [json.loads(line) for line in made["ConfigMap"]["data"][PATTERNS].splitlines()]
    patterns = [e["attributes"]["title"] for e in entries if e["type"] == "index-pattern"]
    assert patterns == ["applog-*", "applog-dac-test-*", "applog-dac-stage-*"]
    searches = [e for e in entries if e["type"] == "search"]
    assert all(e["attributes"]["columns"] == [*FIELDS, "message"] for e in searches)
    assert [e["references"][0]["id"] for e in searches] == ["applog", "applog-dac-test", "applog-dac-stage"]
    other = rendered(project, fields.replace("dac-stage", "dac-prod"))
    assert made["Job"]["metadata"]["name"] != other["Job"]["metadata"]["name"]
    assert "Job" not in rendered(project, "kafka: {}")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("replicas: 1", "where do events come from?"),
        ("kafka: {backing: redis}", "there is no kafka named 'redis'"),
        ('kafka: {hosts: ["10.0.0.1:9092"]}', "`group` is needed"),
        ("redis: {password: {secret: a, key: b}}", "password is for hosts"),
        ("redis: {key: 'a\"b'}", "redis.key"),
        ("kafka: {}, heap: 2Gi", "heap 2Gi leaves nothing of the memory limit 2Gi"),
        ("kafka: {}, kibana: {url: kibana}", "is not of the form http://host:port"),
        ("kafka: {}, kibana: {url: 'http://k:5601', username: li}", "give both username and password"),
        ("kafka: {}, env: {LS_JAVA_OPTS: -Xmx1g}", "env.LS_JAVA_OPTS is set by a field"),
        ("kafka: {}, release: {strategy: canary}", "only rolling will do"),
        ("kafka: {}, filebeat: {}", "it logs to stdout"),
    ],
)
def test_a_mistake_is_told(project: Project, fields: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        project.load(STACK.format(fields=fields, redis=""))
    assert message in str(caught.value)
