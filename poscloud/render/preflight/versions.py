"""What a version of Kubernetes no longer takes, or does not take yet, of what an environment says and makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from poscloud.render.environment import RenderedPart
from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding, Path

DEPRECATED, UNSERVED = "deprecated-api", "api-not-served"

Version = tuple[int, int]

SINCE: dict[tuple[str, str], Version] = {
    ("networking.k8s.io/v1", "Ingress"): (1, 19),
    ("policy/v1", "PodDisruptionBudget"): (1, 21),
    ("discovery.k8s.io/v1", "EndpointSlice"): (1, 21),
    ("batch/v1", "CronJob"): (1, 21),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): (1, 23),
}
"""The first version that serves it; all other kinds that are made are served since 1.16 and longer."""

KEYS: dict[str, tuple[Version, str]] = {
    "kubernetes.io/ingress.class": ((1, 18), "the field ingress_class"),
    "seccomp.security.alpha.kubernetes.io/pod": ((1, 19), "securityContext.seccompProfile; it does nothing since 1.27"),
    "scheduler.alpha.kubernetes.io/critical-pod": ((1, 13), "priority; it does nothing since 1.16"),
    "volume.beta.kubernetes.io/storage-class": ((1, 6), "storage_class"),
    "volume.beta.kubernetes.io/mount-options": ((1, 8), "the mount options of the class or the volume"),
    "service.kubernetes.io/topology-aware-hints": ((1, 27), "service.kubernetes.io/topology-mode"),
    "beta.kubernetes.io/os": ((1, 14), "kubernetes.io/os"),
    "beta.kubernetes.io/arch": ((1, 14), "kubernetes.io/arch"),
    "beta.kubernetes.io/instance-type": ((1, 17), "node.kubernetes.io/instance-type"),
    "failure-domain.beta.kubernetes.io/zone": ((1, 17), "topology.kubernetes.io/zone"),
    "failure-domain.beta.kubernetes.io/region": ((1, 17), "topology.kubernetes.io/region"),
    "node-role.kubernetes.io/master": ((1, 20), "node-role.kubernetes.io/control-plane; nodes lack it since 1.24"),
    "gitRepo": ((1, 11), "an init container that clones; off by default since 1.33"),
    "flexVolume": ((1, 23), "a CSI driver"),
    "loadBalancerIP": ((1, 24), "the annotation of your load balancer"),
    "topologyKeys": ((1, 21), "service.kubernetes.io/topology-mode; refused since 1.22"),
}  # fmt: skip
"""Labels, annotations and fields by which something else is meant now: since when, and what."""

_PREFIXES = {
    "container.seccomp.security.alpha.kubernetes.io/": (
        (1, 19), "securityContext.seccompProfile; it does nothing since 1.27"
    ),
    "container.apparmor.security.beta.kubernetes.io/": ((1, 30), "securityContext.appArmorProfile"),
}  # fmt: skip

_VALUED = ("topologyKey", "key")
"""Fields whose value is the name of a label."""


def parse_version(text: str) -> Version | None:
    """Return major and minor of a version such as 1.29, v1.29.3 or 1.29+; ``None`` if it is none."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def check_versions(
    spec: EnvironmentSpec, parts: Iterable[RenderedPart], description: Any, target: Version
) -> list[Finding]:
    """Return a finding for each thing that Kubernetes of version ``target`` does not take, or calls deprecated.

    Args:
        spec: The environment.
        parts: It, rendered.
        description: The same as plain maps and lists, as it was written.
        target: The cluster's version.
    """
    findings = [*_unserved(spec, parts, target), *_deprecated(description, (), target)]
    return list(dict.fromkeys(findings))


def _unserved(spec: EnvironmentSpec, parts: Iterable[RenderedPart], target: Version) -> Iterator[Finding]:
    for part in parts:
        for item in part.manifests:
            since = SINCE.get((item["apiVersion"], item["kind"]))
            if since and target < since:
                message = (
                    f"'{part.name}' makes {item['kind']} ({item['apiVersion']}), which Kubernetes serves from "
                    f"{_shown(since)}, not {_shown(target)}"
                )
                hint = "upgrade the cluster, or leave out what makes it (docs/check.md)"
                yield Finding(place_of(spec, part.name, item), UNSERVED, message, hint)


def place_of(spec: EnvironmentSpec, part: str, item: Manifest) -> Path:
    """Return where a person would look for what makes an object of a part."""
    if item["kind"] == "Ingress" and part == spec.name:
        names = [rule.object_name() for rule in spec.ingress]
        return ("ingress", names.index(item["metadata"]["name"]))
    if part in spec.backing:
        return ("backing", part)
    field = {"HorizontalPodAutoscaler": ("autoscale",), "PodDisruptionBudget": ("disruption_budget",)}
    return ("services", part, *field.get(item["kind"], ())) if part in spec.services else ()


def _deprecated(value: Any, path: Path, target: Version) -> Iterator[Finding]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if found := _known(str(key)):
                yield from _told((*path, key), str(key), *found, target)
            elif key in _VALUED and isinstance(inner, str) and (found := _known(inner)):
                yield from _told((*path, key), inner, *found, target)
            yield from _deprecated(inner, (*path, key), target)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from _deprecated(inner, (*path, i), target)


def _known(word: str) -> tuple[Version, str] | None:
    return KEYS.get(word) or next((v for p, v in _PREFIXES.items() if word.startswith(p)), None)


def _told(path: Path, word: str, since: Version, instead: str, target: Version) -> Iterator[Finding]:
    if target >= since:
        message = f"'{word}' is deprecated since Kubernetes {_shown(since)}"
        yield Finding(path, DEPRECATED, message, f"use {instead}")


def _shown(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
