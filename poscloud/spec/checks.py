"""How the parts of an environment fit together: names taken twice, dangling references, cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from poscloud.spec.builds import check_builds
from poscloud.spec.clusterwide import check_classes
from poscloud.spec.eureka import check_eureka
from poscloud.spec.filebeat import FilebeatSidecar
from poscloud.spec.ingress import check_ingress
from poscloud.spec.isolation import check_isolation
from poscloud.spec.kubernetes import check_image, check_labels, check_quota, check_tag
from poscloud.spec.limits import check_limits
from poscloud.spec.nextversion import other_spec
from poscloud.spec.nodes import check_nodes
from poscloud.spec.part import Need
from poscloud.spec.ports import check_node_ports
from poscloud.spec.references import Finding, Path, check_text, find_cycle, nearest
from poscloud.spec.release import check_release
from poscloud.spec.scaling import check_autoscalers
from poscloud.spec.secrets import check_secrets
from poscloud.spec.service import ServiceSpec
from poscloud.spec.stateful import StatefulSpec
from poscloud.spec.teams import check_teams
from poscloud.spec.topics import check_topics
from poscloud.spec.volumes import check_volumes

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec


def check_environment(spec: EnvironmentSpec) -> list[Finding]:
    """Return everything that does not fit together: names taken twice, dangling references, cycles."""
    findings = _check_fit(spec)
    findings = list(dict.fromkeys([*findings, *_check_next_versions(spec, findings)]))
    known = {*spec.backing, *spec.services}
    if cycle := find_cycle({name: spec.start_after(name) for name in known}):
        group = "services" if cycle[0] in spec.services else "backing"
        findings.append(
            Finding(
                (group, cycle[0]),
                "start-order-cycle",
                f"each waits for the next: {' → '.join(cycle)}",
                "remove one `uses` or reference",
            )
        )
    return findings


def _check_lifetime(spec: EnvironmentSpec) -> list[Finding]:
    """Return what is wrong with how long the environment is meant to live."""
    if not spec.is_production():
        return []
    why = "says `production: true`" if spec.production else f"is called '{spec.name}'"
    findings = []
    if spec.short_lived:
        message = f"an environment that {why} is no short-lived one: its state is written at every step"
        findings.append(Finding(("short_lived",), "short-lived-production", message, "remove `short_lived`"))
    if spec.lifetime:
        message = f"an environment that {why} is never released by itself"
        findings.append(Finding(("lifetime",), "lifetime-production", message, "remove `lifetime`"))
    if spec.office_hours:
        message = f"an environment that {why} never sleeps"
        findings.append(
            Finding(("office_hours",), "office-hours-production", message, "remove `office_hours`")
        )
    return findings


def _check_next_versions(spec: EnvironmentSpec, known: list[Finding]) -> list[Finding]:
    """Return what would not fit if a service were as its next version is, beside the ``known`` that does not anyway."""
    findings: list[Finding] = []
    for name, part in spec.services.items():
        beside = other_spec(part)
        if beside is None:
            continue
        services = {**spec.services, name: beside}
        for finding in _check_fit(spec.model_copy(update={"services": services})):
            if finding not in known:
                inner = finding.path[2:] if finding.path[:2] == ("services", name) else ()
                path = ("services", name, "release", "next", *inner)
                findings.append(replace(finding, path=path))
    return findings


def _check_fit(spec: EnvironmentSpec) -> list[Finding]:
    """Return what does not fit together in the live versions, but for cycles."""
    findings = [
        Finding(
            ("services", name),
            "duplicate-name",
            f"'{name}' is a backing service already; both would own Service '{name}'",
        )
        for name in spec.services
        if name in spec.backing
    ]
    for check in (
        _check_lifetime,
        check_values,
        check_limits,
        check_isolation,
        check_teams,
        check_eureka,
        check_nodes,
        check_volumes,
        check_node_ports,
        check_classes,
        check_autoscalers,
        check_ingress,
        check_topics,
        check_secrets,
        check_builds,
    ):
        findings += check(spec)
    offered = {name: spec.part(name).offered() for name in (*spec.backing, *spec.services)}
    for group, parts in (("backing", spec.backing), ("services", spec.services)):
        for name in parts:
            findings += _check_references(spec, group, name, offered)
    if spec.filebeat and spec.services:
        findings += [f for need in spec.filebeat.needs() for f in _check_need(spec, "", need.path, need)]
    return findings


def _check_references(
    spec: EnvironmentSpec, group: str, name: str, offered: Mapping[str, tuple[str, ...]]
) -> list[Finding]:
    """Return a finding for each reference of one part that leads nowhere."""
    part = spec.part(name)
    where: Path = (group, name)
    findings = [f for need in part.needs() for f in _check_need(spec, name, (*where, *need.path), need)]
    findings += [replace(f, path=(*where, *f.path)) for f in part.check_among(name, spec)]
    if isinstance(part, ServiceSpec):
        findings += check_release(name, part, where)
        for path, text in part.referring():
            findings += check_text(text, (*where, *path), offered)
        sidecar = spec.filebeat_of(part)
        if part.filebeat and sidecar and (part.filebeat.target() or not spec.filebeat):
            needs = sidecar.needs()  # an inherited target is looked at once, where it stands
            findings += [f for need in needs for f in _check_need(spec, name, (*where, *need.path), need)]
        elif part.filebeat is None and spec.filebeat is None and part.default_filebeat:
            hint = f"a service of kind {spec.kind(name)} has a sidecar by default: add that, or write filebeat: false"
            for need in part.default_filebeat.needs():
                found = _check_need(spec, name, (*where, *need.path), need)
                findings += [replace(f, hint=hint) for f in found]
    return findings


def _to_have(spec: EnvironmentSpec, name: str, known: set[str]) -> str:
    """Return a hint to the part that was meant, or to how one that is named like a backing service is had."""
    from poscloud.spec.kinds import BACKING_KINDS

    hint = nearest(name, known)
    return (
        f"to have one: `backing: {{{name}: {{}}}}`" if name in BACKING_KINDS and "mean" not in hint else hint
    )


def _check_need(spec: EnvironmentSpec, owner: str, path: Path, need: Need) -> list[Finding]:
    """Return a finding unless what ``owner`` needs is there, and of the right kind."""
    if need.kind is None:
        known = {*spec.backing, *spec.services}
        if need.name in known:
            return []
        message = f"'{need.name}' names no service or backing service"
        return [Finding(path, "unknown-reference", message, _to_have(spec, need.name, known - {owner}))]
    same_kind = [n for n, b in spec.backing.items() if b.kind == need.kind]
    if need.name in same_kind:
        return []
    message = f"there is no {need.kind} named '{need.name}' under backing"
    return [Finding(path, "unknown-reference", message, nearest(need.name, same_kind))]


def check_values(spec: EnvironmentSpec) -> list[Finding]:
    """Return what Kubernetes would refuse later: labels, resources of the quota, images."""
    findings = [*check_labels(spec.node_selector, ("node_selector",)), *check_quota(spec.quota or {})]
    if spec.monitoring:
        for field in ("rule_labels", "dashboard_labels"):
            findings += check_labels(getattr(spec.monitoring, field), ("monitoring", field))
    if spec.name == "default" or spec.name.startswith("kube-"):
        message = f"namespace '{spec.name}' is Kubernetes' own; destroy would delete it"
        findings.append(Finding(("name",), "reserved-name", message, "choose another name for the file"))
    if spec.filebeat:
        findings += _check_image_of(spec.filebeat, ("filebeat",))
    for group, parts in (("backing", spec.backing), ("services", spec.services)):
        for name, part in parts.items():
            findings += check_labels(part.node_selector or {}, (group, name, "node_selector"))
            findings += _check_image_of(part, (group, name))
            findings += [replace(f, path=(group, name, *f.path)) for f in part.check()]
            sidecar = getattr(part, "filebeat", None)
            if sidecar:
                findings += _check_image_of(sidecar, (group, name, "filebeat"))
    return findings


def _check_image_of(part: ServiceSpec | StatefulSpec | FilebeatSidecar, path: Path) -> list[Finding]:
    return check_image(part.image, (*path, "image")) + check_tag(part.version, (*path, "version"))
