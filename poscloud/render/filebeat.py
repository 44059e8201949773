"""The Filebeat sidecar: its ConfigMap, container and volume."""

from __future__ import annotations

from typing import Any

import yaml

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.render.pod import CONTAINER_SECURITY, field_env, resources
from poscloud.spec import FilebeatSidecar
from poscloud.spec.filebeat import MULTILINE_PATTERNS

LOGS_MOUNT = "/mnt"
CONFIG_MOUNT = "/etc/filebeat"
REGISTRY_PATH = f"{LOGS_MOUNT}/.filebeat"
"""How far each file has been read; beside the logs, so that a restarted sidecar sends nothing twice."""


def render_config(context: Context, service: str, kind: str, sidecar: FilebeatSidecar) -> Manifest:
    """Return the ConfigMap ``<service>-filebeat-config`` with ``filebeat.yml``."""
    config = _filebeat_yml(context, service, sidecar)
    return manifest(
        "v1",
        "ConfigMap",
        names.filebeat_config(service),
        namespace=context.namespace,
        labels=context.labels(service, kind),
        data={"filebeat.yml": yaml.safe_dump(config, sort_keys=False, width=200)},
    )


def container(
    context: Context, sidecar: FilebeatSidecar, pull_policy: str, mounts: list[Manifest]
) -> Manifest:
    """Return the sidecar's container; ``mounts`` are added to its own."""
    return {
        "name": "filebeat",
        "image": context.sidecar_image(sidecar.image, sidecar.version),
        "imagePullPolicy": pull_policy,
        "command": ["filebeat", "-e", "-c", f"{CONFIG_MOUNT}/filebeat.yml"],
        "env": [field_env("POD_IP", "status.podIP")],
        "resources": resources(sidecar.resources),
        "securityContext": dict(CONTAINER_SECURITY),
        "volumeMounts": [
            {"name": "logs", "mountPath": LOGS_MOUNT},
            {"name": "filebeat-conf", "mountPath": CONFIG_MOUNT},
            *mounts,
        ],
    }


def volume(service: str) -> Manifest:
    """Return the pod's volume that holds the configuration."""
    return {"name": "filebeat-conf", "configMap": {"name": names.filebeat_config(service)}}


def _filebeat_yml(context: Context, service: str, sidecar: FilebeatSidecar) -> dict[str, Any]:
    source: dict[str, Any] = {
        "type": "log",
        "paths": list(sidecar.paths),
        "fields": {
            "namespace": context.namespace,
            "service-name": service,
            "pod-ip": "${POD_IP}",
            **sidecar.fields,
        },
    }
    if sidecar.multiline != "none":
        pattern = MULTILINE_PATTERNS[sidecar.multiline]
        source["multiline"] = {"pattern": pattern, "negate": True, "match": "after"}
    kafka = sidecar.kafka
    hosts = context.outputs[kafka.backing]["url"].split(",") if kafka.backing else list(kafka.hosts)
    return {
        _inputs_key(sidecar.version): [source],
        "path.data": REGISTRY_PATH,
        "output.kafka": {
            "hosts": hosts,
            "topic": kafka.topic,
            "required_acks": kafka.required_acks,
            "compression": kafka.compression,
        },
        "logging.level": sidecar.level,
    }


def _inputs_key(version: str) -> str:
    """Return what the list of log sources is called: ``prospectors`` became ``inputs`` in Filebeat 6.3."""
    parts = [int(p) if p.isdigit() else 0 for p in version.split(".")[:2]]
    return "filebeat.prospectors" if tuple(parts) < (6, 3) else "filebeat.inputs"
