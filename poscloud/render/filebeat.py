"""The Filebeat sidecar: its ConfigMap, container and volume."""

from __future__ import annotations

from typing import Any

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.filebeat_output import output_env, output_settings, release
from poscloud.render.manifest import Manifest, config_yaml, manifest
from poscloud.render.pod import READ_ONLY, field_env, resources
from poscloud.spec import FilebeatSidecar
from poscloud.spec.filebeat import LOGS_MOUNT

CONFIG_MOUNT = "/etc/filebeat"
REGISTRY_PATH = f"{LOGS_MOUNT}/.filebeat"
"""How far each file has been read; beside the logs, so that a restarted sidecar sends nothing twice."""

USER = 1000
"""Elastic's images have everything for this user. Its group stays the image's: it is not the same in all versions."""


def render_config(context: Context, service: str, kind: str, sidecar: FilebeatSidecar) -> Manifest:
    """Return the ConfigMap ``<service>-filebeat-config`` with ``filebeat.yml``."""
    config = _filebeat_yml(context, service, sidecar)
    return manifest(
        "v1",
        "ConfigMap",
        names.filebeat_config(service),
        namespace=context.namespace,
        labels=context.labels(service, kind),
        data={"filebeat.yml": config_yaml(config, width=200)},
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
        "env": [field_env("POD_IP", "status.podIP"), *output_env(context, sidecar)],
        "resources": resources(sidecar.resources),
        "securityContext": {**READ_ONLY, "runAsNonRoot": True, "runAsUser": USER},
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
    source: dict[str, Any] = {"type": "log", "paths": list(sidecar.paths)}
    if sidecar.tags:
        source["tags"] = list(sidecar.tags)
    own = {"namespace": context.namespace, "service-name": service, "pod-ip": "${POD_IP}"}
    if fields := {**(own if sidecar.pod_fields else {}), **sidecar.fields}:
        source["fields"] = fields
    if rule := sidecar.line_rule():
        source["multiline"] = {"pattern": rule.pattern, "negate": rule.negate, "match": rule.match}
    return {
        _inputs_key(sidecar.version): [source],
        "path.data": REGISTRY_PATH,
        **output_settings(context, sidecar),
        "logging.level": sidecar.level,
    }


def _inputs_key(version: str) -> str:
    """Return what the list of log sources is called: ``prospectors`` became ``inputs`` in Filebeat 6.3."""
    return "filebeat.prospectors" if release(version) < (6, 3) else "filebeat.inputs"
