"""The cluster's DNS for an office network."""

from __future__ import annotations

import re
from typing import Any

from poscloud.imports.images import ImageNames
from poscloud.imports.source import Workload
from poscloud.render.startscript import CLUSTER_DNS, NODE_ADDRESS


def is_dns_proxy(workload: Workload) -> bool:
    """Whether a workload listens for DNS on its node."""
    ports = [p.get("name") for p in workload.main.get("ports") or []]
    return bool(workload.pod.get("hostNetwork")) and "dns-udp" in ports


def dns_proxy_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a DNS proxy."""
    program = "dnsmasq" if "dnsmasq.conf" in workload.config else "nginx"
    text = workload.config.get(f"{program}.conf", "")
    fields: dict[str, Any] = {
        "program": program,
        "port": workload.main["ports"][0]["containerPort"],
        "node_selector": workload.pod.get("nodeSelector") or {},
        **names.of_program(workload.main["image"], program),
    }
    if program == "dnsmasq":
        return fields | _dnsmasq(text)
    if found := re.search(r"listen (\S+):\d+", text):
        fields |= {} if found[1] == NODE_ADDRESS else {"address": found[1]}
    return fields


def _dnsmasq(text: str) -> dict[str, Any]:
    lines = [line.partition("=") for line in text.splitlines()]
    values = {key: value for key, _, value in lines}
    fields: dict[str, Any] = {"cache": int(values.get("cache-size", 10_000)), "domains": [], "upstreams": []}
    for key, _, value in lines:
        if key == "server" and value.startswith("/"):
            _, domain, cluster = value.split("/", 2)
            fields["domains"].append(domain)
            if cluster != CLUSTER_DNS:
                fields["cluster_dns"] = cluster.replace("#", ":")
        elif key == "server":
            fields["upstreams"].append(value.replace("#", ":"))
    address = values.get("listen-address", NODE_ADDRESS)
    return fields if address == NODE_ADDRESS else fields | {"address": address}
