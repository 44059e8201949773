"""Names that become too long with what is put behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poscloud.render.check_pods import pod_specs
from poscloud.render.manifest import Manifest
from poscloud.spec.base import MAX_DNS_NAME, MAX_NAME, MAX_STATEFUL_NAME
from poscloud.spec.references import Finding, Path

MAX_PORT_NAME = 15
"""Longest name of a port in characters (IANA service name)."""

_LONGEST = {
    "Namespace": MAX_NAME,
    "Service": MAX_NAME,
    "StatefulSet": MAX_STATEFUL_NAME,
    "CronJob": MAX_STATEFUL_NAME,
    "Job": MAX_NAME,
}
"""Longest name in characters of a kind; of any other kind a DNS name's."""


def check_names(manifests: list[Manifest], path: Path) -> list[Finding]:
    """Return a finding for each name, label and port of a part that Kubernetes would refuse for its length."""
    name = str(path[-1])
    findings = []
    for what, text, longest in _lengths(manifests):
        if len(text) > longest:
            message = (
                f"'{name}' makes {what} '{text}' of {len(text)} characters, at most {longest} are allowed"
            )
            hint = f"shorten the name by {len(text) - longest}"
            findings.append(Finding(path, "name-too-long", message, hint))
    return list(dict.fromkeys(findings))


def _lengths(manifests: list[Manifest]) -> Iterator[tuple[str, str, int]]:
    """Yield what a text is called, the text, and how long it may be."""
    for item in manifests:
        kind = item["kind"]
        yield kind, item["metadata"]["name"], _LONGEST.get(kind, MAX_DNS_NAME)
        yield from (("the label", v, MAX_NAME) for v in item["metadata"]["labels"].values())
        if kind == "Service":
            yield from _port_names(item["spec"].get("ports", []))
    for item, pod in pod_specs(manifests):
        if item["kind"] != "CronJob":
            template = item["spec"]["template"].get("metadata", {})
            yield from (("the label", v, MAX_NAME) for v in template.get("labels", {}).values())
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            yield "container", container["name"], MAX_NAME
            yield from _port_names(container.get("ports", []))
        yield from (("volume", v["name"], MAX_NAME) for v in pod.get("volumes", []))


def _port_names(ports: list[dict[str, Any]]) -> Iterator[tuple[str, str, int]]:
    return (("port", port["name"], MAX_PORT_NAME) for port in ports if "name" in port)
