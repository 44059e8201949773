"""The log shipping sidecar, read off its container and its filebeat.yml."""

from __future__ import annotations

from typing import Any

import yaml

from poscloud.imports import pods
from poscloud.imports.images import ImageNames, tag_of
from poscloud.imports.source import Workload, variables
from poscloud.spec.filebeat import MULTILINE_PRESETS

_OWN = ("namespace", "service-name", "pod-ip")
"""Fields of an event that ``pod_fields`` adds."""


def read_sidecar(workload: Workload, names: ImageNames) -> dict[str, Any] | None:
    """Return the sidecar of a workload; ``None``: it has none whose configuration is known."""
    container = workload.sidecar
    if container is None:
        return None
    name = ((workload.volumes.get("filebeat-conf") or {}).get("configMap") or {}).get("name")
    text = workload.source.data(name or f"{workload.name}-filebeat-config").get("filebeat.yml")
    try:
        config = yaml.safe_load(text or "")
    except yaml.YAMLError:
        config = None
    if not isinstance(config, dict):
        workload.notes.append("container filebeat has no filebeat.yml that can be read; it is left out")
        return None
    fields: dict[str, Any] = names.of_sidecar(container["image"])
    if tag := tag_of(container["image"]):
        fields["version"] = tag
    inputs = config.get("filebeat.inputs") or config.get("filebeat.prospectors") or [{}]
    fields |= _input(inputs[0])
    fields |= _output(config, workload.source.name, variables(container))
    fields |= pods.given(level=config.get("logging.level"))
    return {**fields, "resources": pods.resources(container)}


def _input(source: dict[str, Any]) -> dict[str, Any]:
    fields = dict(source.get("fields") or {})
    own = all(field in fields for field in _OWN[:2])
    if own:
        fields = {k: v for k, v in fields.items() if k not in _OWN}
    found: dict[str, Any] = {"pod_fields": own, "multiline": "none"}
    if fields:
        found["fields"] = fields
    tags = source.get("tags")
    found |= pods.given(paths=source.get("paths"), tags=[tags] if isinstance(tags, str) else tags)
    if rule := source.get("multiline"):
        wanted = {k: rule.get(k) for k in ("pattern", "negate", "match")}
        preset = [n for n, p in MULTILINE_PRESETS.items() if p.model_dump() == wanted]
        found["multiline"] = preset[0] if preset else pods.given(**wanted)
    return found


def _output(config: dict[str, Any], environment: str, env: dict[str, Any]) -> dict[str, Any]:
    """Return where events go; a part of the environment by its name."""
    for kind in ("kafka", "redis", "elasticsearch", "logstash"):
        found = config.get(f"output.{kind}")
        if not isinstance(found, dict):
            continue
        output = {
            k: v
            for k, v in found.items()
            if k not in ("hosts", "password", "username", "enable", "enabled", "port")
        }
        hosts = found.get("hosts") or []
        hosts = [hosts] if isinstance(hosts, str) else list(hosts)
        backing = {service_of(host, environment) for host in hosts}
        if kind in ("kafka", "redis") and len(backing) == 1 and None not in backing:
            output["backing"] = backing.pop()
        else:
            output["hosts"] = hosts
            if kind == "elasticsearch":
                output |= pods.given(username=found.get("username"))
            secret = env.get(f"{kind.upper()}_PASSWORD")
            output |= pods.given(password=secret)
        return {kind: output}
    return {}


def service_of(host: str, environment: str) -> str | None:
    """Return the name of the Service behind an address of this environment."""
    name, _, rest = host.rpartition(":")[0].partition(f".{environment}.svc")
    return name.split(".")[-1] if rest or host.find(f".{environment}.svc") > 0 else None
