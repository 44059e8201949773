"""Logstash between what the sidecars write to and Elasticsearch: its pipeline read back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from poscloud.imports.images import ImageNames
from poscloud.imports.pods import given
from poscloud.imports.sidecar import service_of
from poscloud.imports.source import Workload, texts, variables
from poscloud.render import Manifest
from poscloud.render.logstack import PATTERNS, PIPELINE

Plugin = tuple[str, dict[str, Any]]
"""What it is called, and its settings."""

_SETTING = re.compile(r'(?P<name>\w+) => (?P<value>\[.*\]|"[^"]*"|\S+)')
_INDEX = re.compile(r"(?P<index>.+)-%\{\[namespace\]\}-%\{\+YYYY\.MM\.dd\}")
_HEAP = re.compile(r"-Xmx(\d+)m\b")


def is_log_stack(workload: Workload) -> bool:
    """Whether a workload is a Logstash whose pipeline leads from Kafka or Redis to indices as poscloud calls them."""
    found = dict(_plugins(workload))
    return (
        workload.kind == "Deployment"
        and bool({"kafka", "redis"} & found.keys())
        and bool(_INDEX.fullmatch(str(found.get("elasticsearch", {}).get("index"))))
    )


def log_stack_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a log stack."""
    plugins, env = list(_plugins(workload)), workload.env
    target = dict(plugins)["elasticsearch"]
    index = _INDEX.fullmatch(target["index"])
    heap = _HEAP.search(texts(env).get("LS_JAVA_OPTS", ""))
    fields: dict[str, Any] = {
        **names.of_program(workload.main["image"], "logstash"),
        **_sources(plugins, workload),
        "elasticsearch": {
            "hosts": target.get("hosts", []),
            **given(username=target.get("user"), password=env.get("ELASTICSEARCH_PASSWORD")),
        },
        **given(index=index["index"] if index else None, heap=f"{heap[1]}Mi" if heap else None),
    }
    return fields | given(kibana=_kibana(workload, fields.get("index", ""), names))


def _plugins(workload: Workload) -> Iterator[Plugin]:
    """Yield what the pipeline's ``input`` and ``output`` have, in their order."""
    section, current = "", None
    for line in map(str.strip, workload.config.get(PIPELINE, "").splitlines()):
        if line.endswith("{"):
            name = line.removesuffix("{").strip()
            if name in ("input", "filter", "output"):
                section = name
            elif section in ("input", "output") and current is None:
                current = (name, dict[str, Any]())
        elif line == "}" and current:
            yield current
            current = None
        elif current and (found := _SETTING.fullmatch(line)):
            current[1][found["name"]] = _value(found["value"])


def _value(text: str) -> Any:
    """Return a setting's value; ``"…"``, a list of them and whole numbers are written as in JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _sources(plugins: list[Plugin], workload: Workload) -> dict[str, Any]:
    """Return where events come from; a part of the environment by its name."""
    found: dict[str, Any] = {}
    if kafka := next((settings for name, settings in plugins if name == "kafka"), None):
        hosts = str(kafka.get("bootstrap_servers", "")).split(",")
        found["kafka"] = {
            **_place(hosts, workload),
            **given(
                topics=kafka.get("topics"),
                group=kafka.get("group_id"),
                threads=kafka.get("consumer_threads"),
            ),
        }
    if several := [settings for name, settings in plugins if name == "redis"]:
        place = _place([f"{s.get('host')}:{s.get('port', 6379)}" for s in several], workload)
        password = workload.env.get("REDIS_PASSWORD") if "hosts" in place else None
        channel = several[0].get("data_type") == "channel"
        found["redis"] = {
            **place,
            **given(key=several[0].get("key"), password=password),
            "channel": channel,
        }
    return found


def _place(hosts: list[str], workload: Workload) -> dict[str, Any]:
    own = {service_of(host, workload.source.name) for host in hosts}
    return {"backing": own.pop()} if len(own) == 1 and None not in own else {"hosts": hosts}


def _kibana(workload: Workload, index: str, names: ImageNames) -> dict[str, Any] | None:
    """Return the Kibana that a Job gives the index patterns to."""
    ending = r"-kibana-[0-9a-f]{8}"
    for job in workload.source.kind("Job"):
        if not re.fullmatch(re.escape(workload.name) + ending, job["metadata"]["name"]):
            continue
        container: Manifest = job["spec"]["template"]["spec"]["containers"][0]
        env, image = variables(container), container["image"]
        return given(
            url=env.get("KIBANA_URL"),
            namespaces=list(_namespaces(workload.config.get(PATTERNS, ""), index)),
            username=env.get("KIBANA_USER"),
            password=env.get("KIBANA_PASSWORD"),
            image=None if image == f"{names.registry}/curl:8" else image,
        )
    return None


def _namespaces(text: str, index: str) -> Iterator[str]:
    """Yield the environments that have an index pattern of their own."""
    for line in text.splitlines():
        found = _value(line)
        if isinstance(found, dict) and found.get("type") == "index-pattern":
            name = str(found.get("id")).removeprefix(f"{index}-")
            if name != found.get("id"):
                yield name
