"""Which component of the language each workload is, and what it says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.imports.cleartext import take_out
from poscloud.imports.images import ImageNames, image_names
from poscloud.imports.ingress import leads_to
from poscloud.imports.kinds.backing import backing_fields, backing_kind, external_servers
from poscloud.imports.kinds.c import c_fields, is_c
from poscloud.imports.kinds.dnsproxy import dns_proxy_fields, is_dns_proxy
from poscloud.imports.kinds.janitor import is_janitor, janitor_fields
from poscloud.imports.kinds.java import is_java, java_fields
from poscloud.imports.kinds.logstack import is_log_stack, log_stack_fields
from poscloud.imports.kinds.nginx import is_nginx, nginx_fields
from poscloud.imports.kinds.nodeguard import is_node_guard, node_guard_fields
from poscloud.imports.kinds.python import is_python, python_fields
from poscloud.imports.kinds.subsystem import subsystem_fields
from poscloud.imports.kinds.webapp import is_webapp, webapp_fields
from poscloud.imports.namespace import namespace_fields
from poscloud.imports.placing import Placing
from poscloud.imports.redact import take_out_clear
from poscloud.imports.references import link, own_variables
from poscloud.imports.releases import add_releases, one_version, released
from poscloud.imports.service import service_fields, shared_volumes
from poscloud.imports.settings import own_settings
from poscloud.imports.settle import settled
from poscloud.imports.source import Source, Workload
from poscloud.render import Manifest
from poscloud.render.environment import render_part
from poscloud.render.names import peers_service
from poscloud.spec import EnvironmentSpec

Matches = Callable[[Workload], bool]
Fields = Callable[[Workload, ImageNames], dict[str, Any]]

SERVICES: tuple[tuple[str, Matches, Fields], ...] = (
    ("janitor", is_janitor, janitor_fields),
    ("node-guard", is_node_guard, node_guard_fields),
    ("log-stack", is_log_stack, log_stack_fields),
    ("c", is_c, c_fields),
    ("python", is_python, python_fields),
    ("webapp", is_webapp, webapp_fields),
    ("dns-proxy", is_dns_proxy, dns_proxy_fields),
    ("nginx", is_nginx, nginx_fields),
    ("java", is_java, java_fields),
    ("subsystem", lambda _: True, subsystem_fields),
)
"""Kind, how it is known, and its fields; the first that fits. Any other program is a subsystem of one container."""

_CRON_JOBS = ("janitor", "node-guard")
_TO_STDOUT = ("nginx", "dns-proxy", "log-stack", *_CRON_JOBS)
"""Kinds whose user, folders and sidecar are no choice."""
_NO_CHOICE = ("user", "writable_root", "log_space", "log_store", "filebeat", "fs_group")
_OF_SERVERS = ("disruption_budget", "replicas", "rollout", "anti_affinity", "probes", "port", "version")


@dataclass
class Recognised:
    """A description of what was found.

    Attributes:
        data: The description as a map, every field given.
        spec: The same, validated.
        notes: What could not be said in it, a line each.
    """

    data: dict[str, Any]
    spec: EnvironmentSpec
    notes: list[str] = field(default_factory=list)


def recognise(source: Source, *, keep_secrets: bool = False) -> Recognised:
    """Return the description of a source.

    Args:
        source: What is imported.
        keep_secrets: Whether Secrets stay as they are, and are only referred to: what runs keeps its passwords.

    Raises:
        PosCloudError: There is no component in it.
    """
    tracks = released(source)
    if not tracks:
        return _recognise(source, keep_secrets=keep_secrets)
    found = _recognise(one_version(source, tracks, beside=False), keep_secrets=keep_secrets)
    other = _recognise(one_version(source, tracks, beside=True), keep_secrets=keep_secrets)
    notes = list(dict.fromkeys([*found.notes, *other.notes]))
    if secrets := {**other.data.get("secrets", {}), **found.data.get("secrets", {})}:
        more = other.data.get("secrets", {})
        found.data["secrets"] = {k: sorted({*keys, *more.get(k, [])}) for k, keys in secrets.items()}
    add_releases(found.data, found.spec, other.spec, tracks)
    return Recognised(found.data, settled(found.data, notes), notes)


def _recognise(source: Source, *, keep_secrets: bool) -> Recognised:
    workloads = list(_workloads(source))
    names = image_names(source.name, workloads)
    if names is None:
        raise PosCloudError(
            f"no component was recognised among {len(source.items)} objects: "
            f"{', '.join(sorted({i['kind'] for i in source.items})) or 'none'}",
            hint="a component is a Deployment, or a StatefulSet of a known server, whose images have a registry",
        )
    placing = Placing(source, workloads)
    data: dict[str, Any] = {
        "name": source.name,
        "registry": names.registry,
        "images": {"service": names.service},
    }
    backing: dict[str, Any] = external_servers(source, workloads)
    services: dict[str, Any] = {}
    for workload in workloads:
        kind = backing_kind(workload) if workload.kind == "StatefulSet" else None
        if kind:
            backing[workload.name] = backing_fields(workload, kind, names, placing)
        else:
            services[workload.name] = _service(workload, names, placing)
    # Who gets into a server outside is said by those who use it; where nobody does, its Secret is any other one.
    owned = {name for name, part in backing.items() if "external" not in part or "user" in part}
    data |= namespace_fields(source, workloads, owned)
    data |= {"node_selector": placing.node_selector, "node_pools": placing.pools}
    data["volumes"] = {k: v for w in workloads for k, v in shared_volumes(w).items()}
    data |= {"backing": backing, "services": services}
    # One that leads elsewhere too stays as it is: without those paths it would be another one.
    rules = [rule for rule in data.pop("ingress", []) if leads_to(rule) <= {*backing, *services}]
    data |= {"ingress": rules} if rules else {}
    if keep_secrets:
        _refer_to_secrets(data)
    _hoist_sidecar(data)
    notes = [f"{w.name}: {note}" for w in workloads for note in w.notes]
    return _completed(data, workloads, notes)


def _workloads(source: Source) -> Iterator[Workload]:
    """Yield what a component may stand for: any Deployment; of StatefulSets and CronJobs those that have a kind."""
    for item in source.kind("Deployment", "StatefulSet", "CronJob"):
        workload = Workload(source, item)
        if workload.kind == "StatefulSet":
            known = backing_kind(workload) or item["spec"].get("serviceName") == peers_service(workload.name)
        else:
            known = workload.kind == "Deployment" or is_janitor(workload) or is_node_guard(workload)
        if known:
            yield workload


def _service(workload: Workload, names: ImageNames, placing: Placing) -> dict[str, Any]:
    kind, fields = next((k, f) for k, matches, f in SERVICES if matches(workload))
    found = service_fields(workload, names, placing) | fields(workload, names)
    if kind in _TO_STDOUT:
        found = {k: v for k, v in found.items() if k not in _NO_CHOICE}
    if kind in _CRON_JOBS:
        found = {k: v for k, v in found.items() if k not in _OF_SERVERS}
    if "image" in found and found["image"] is None:
        del found["image"]
    elif "version" in found and "jar" not in found and found["version"]:
        found.pop("image", None)
    return {"kind": kind, **{k: v for k, v in found.items() if v is not None or k == "port"}}


def _refer_to_secrets(data: dict[str, Any]) -> None:
    """Make every Secret but the registry's one that is there without poscloud."""
    data.pop("secrets", None)
    for name, part in data["backing"].items():
        if part.get("password") is True:
            part["password"] = {"secret": name}


def _hoist_sidecar(data: dict[str, Any]) -> None:
    """Say the sidecar that most services have once, for the environment."""
    found: Counter[str] = Counter()
    for service in data["services"].values():
        sidecar = service.get("filebeat")
        if sidecar:
            if sidecar.get("paths") in (["/mnt/*.log"], ["/mnt/*/*.log"]):
                del sidecar["paths"]
            found[json.dumps(sidecar, sort_keys=True)] += 1
    if not found:
        return
    text, _ = found.most_common(1)[0]
    data["filebeat"] = json.loads(text)
    for service in data["services"].values():
        if service.get("filebeat") == data["filebeat"]:
            del service["filebeat"]


def _completed(data: dict[str, Any], workloads: list[Workload], notes: list[str]) -> Recognised:
    """Add what is known only when everything else renders: variables, settings, references."""
    spec = settled(data, notes)
    for workload in workloads:
        name = workload.name
        rendered = render_part(spec, name).manifests if name in {*spec.backing, *spec.services} else []
        if fields := data.get("backing", {}).get(name):
            files = _files(rendered, f"{name}-config")
            if config := own_settings(fields["kind"], workload.config, files):
                fields["config"] = config
        elif fields := data.get("services", {}).get(name):  # gone where none could be described
            own_variables(workload, fields, rendered)
            _take_passwords_out(name, data, notes)
    spec = settled(data, notes)
    link(spec, data)
    take_out_clear(data, notes)
    return Recognised(data, settled(data, notes), notes)


def _take_passwords_out(name: str, data: dict[str, Any], notes: list[str]) -> None:
    fields = data["services"][name]
    secrets = data.get("secrets", {})
    for holder in [fields, *fields.get("containers", {}).values()]:
        take_out(name, holder.get("env", {}), secrets, notes)
    if secrets:
        data["secrets"] = secrets


def _files(rendered: list[Manifest], name: str) -> dict[str, str]:
    found: dict[str, str] = next(
        (m["data"] for m in rendered if m["kind"] == "ConfigMap" and m["metadata"]["name"] == name), {}
    )
    return found
