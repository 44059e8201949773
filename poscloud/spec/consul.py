"""Consul, alone or as a quorum of three servers."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from poscloud.spec.stateful import Members, StatefulSpec
from poscloud.spec.values import Resources, resources

_ADDRESS = "each server announces its pod's address, and its clients connect to port 8500"
_SECRET = "a key or token in a ConfigMap is readable by everybody in the namespace; not supported in config"


class ConsulSpec(StatefulSpec):
    """Consul servers: registry of services, key-value store, DNS (document 004, `consul-0`)."""

    least_memory: ClassVar[str] = "64Mi"
    managed: ClassVar[dict[str, str]] = {
        "server": "every member is a server",
        "bootstrap": "it follows from replicas",
        "bootstrap_expect": "it follows from replicas",
        "retry_join": "the members follow from replicas",
        "start_join": "the members follow from replicas",
        "node_name": "it is the pod's name",
        "data_dir": "the volume is always at /consul/data; its size is storage.size",
        "ports": "HTTP is always 8500, DNS 8600",
        "ports.*": "HTTP is always 8500, DNS 8600",
        "addresses": _ADDRESS,
        "addresses.*": _ADDRESS,
        "advertise_addr*": _ADDRESS,
        "bind_addr": _ADDRESS,
        "client_addr": _ADDRESS,
        "log_file": "it logs to stdout",
        "leave_on_terminate": "a server that restarts would leave the quorum each time",
        "encrypt": _SECRET,
        "acl.tokens.*": _SECRET,
        "*token": _SECRET,
    }
    kind: Literal["consul"] = Field("consul", description="HashiCorp Consul.")
    version: str = Field("1.21.5", description="Version, the tag in the image pattern.")
    replicas: Members = Field(1, description="Servers: one, or three that keep a quorum when one is lost.")
    config: dict[str, Any] = Field(
        {},
        description="Further settings of Consul's configuration file, nested as there.",
        examples=[{"datacenter": "idc1", "performance": {"raft_multiplier": 1}}],
    )
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("128Mi", "512Mi")), description="CPU, memory."
    )
