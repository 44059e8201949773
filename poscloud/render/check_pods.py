"""What the pods of a part ask of their hosts and of themselves: enough hosts, each name and path once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec, ServiceSpec
from poscloud.spec.nodes import pool_name, pool_of
from poscloud.spec.part import PartSpec
from poscloud.spec.references import Finding, Path


def pod_specs(manifests: list[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """Yield each manifest that makes pods, and the ``spec`` of those pods."""
    for item in manifests:
        holder: Any = item.get("spec")
        if item["kind"] == "CronJob":
            holder = holder["jobTemplate"]["spec"]
        if isinstance(holder, dict) and isinstance(holder.get("template"), dict):
            yield item, holder["template"]["spec"]


def check_hosts(
    environment: EnvironmentSpec, part: PartSpec, manifests: list[Manifest], path: Path
) -> list[Finding]:
    """Return a finding if pods that may not share a host need more hosts than the part's pool has.

    In a rolling update that takes no pod away first, one host more: else the new pod waits for ever for a host,
    and no old one makes room.
    """
    pool = pool_of(environment, part)
    if pool is None or pool.hosts is None:
        return []
    name, findings = pool_name(environment, part), []
    wanted: Counter[str] = Counter()
    stuck: set[str] = set()
    for item, pod in pod_specs(manifests):
        if term := _required_term(pod):
            wanted[term] += _pods(item, manifests)
            rolling = item["spec"].get("strategy", {}).get("rollingUpdate", {})
            if rolling.get("maxUnavailable") == 0:
                stuck.add(term)
    for term, pods in wanted.items():
        if pods > pool.hosts:
            autoscaled = isinstance(part, ServiceSpec) and part.autoscale
            field = ("autoscale", "max") if autoscaled else ("replicas",)
            message = f"{pods} pods that may not share a host, but pool '{name}' has {_hosts(pool.hosts)}"
            hint = f"at most {pool.hosts}, a larger pool, or anti_affinity: preferred"
            findings.append(Finding((*path, *field), "too-few-hosts", message, hint))
        elif pods == pool.hosts and term in stuck:
            message = (
                f"a rolling update starts a new pod before it stops an old one (max_unavailable: 0), but each of the "
                f"{_hosts(pool.hosts)} of pool '{name}' has a pod, and two may not share a host: it would never end"
            )
            hint = "rollout: {max_surge: 0, max_unavailable: 1}, a larger pool, or anti_affinity: preferred"
            findings.append(Finding((*path, "rollout"), "too-few-hosts", message, hint))
    return findings


def _hosts(count: int) -> str:
    return f"{count} host{'s' if count > 1 else ''}"


def _pods(item: Manifest, manifests: list[Manifest]) -> int:
    """Return how many pods ``item`` has at most: what it says, else what its autoscaler may make of it."""
    if "replicas" in item["spec"]:
        return int(item["spec"]["replicas"])
    for other in manifests:
        target = other.get("spec", {}).get("scaleTargetRef", {})
        if (target.get("kind"), target.get("name")) == (item["kind"], item["metadata"]["name"]):
            return int(other["spec"]["maxReplicas"])
    return 1


def _required_term(pod: Manifest) -> str:
    """Return the rule by which pods may not share a host; empty without one."""
    affinity = pod.get("affinity", {}).get("podAntiAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", [])
    return next((str(t) for t in terms if t["topologyKey"] == "kubernetes.io/hostname"), "")


def check_requests(
    environment: EnvironmentSpec, part: PartSpec, manifests: list[Manifest], path: Path
) -> list[Finding]:
    """Return a finding for each container that requests nothing of what its autoscaler measures in percent of it."""
    autoscale = part.autoscale if isinstance(part, ServiceSpec) else None
    if autoscale is None:
        return []
    limits, findings = environment.limits, []
    if not any(item["kind"] == "Deployment" for item in manifests):
        message = "pods that know each other by their addresses have a fixed number: no autoscaler"
        findings.append(Finding((*path, "autoscale"), "no-autoscaler", message, "give replicas instead"))
    for resource in (r for r in ("cpu", "memory") if getattr(autoscale, r) is not None):
        if limits and (getattr(limits.default_request, resource) or getattr(limits.default, resource)):
            continue
        for _, pod in pod_specs(manifests):
            for container in pod["containers"]:
                asked = container.get("resources", {})
                if not any(resource in asked.get(side, {}) for side in ("requests", "limits")):
                    message = (
                        f"autoscale.{resource} is a percentage of what is requested, but container "
                        f"'{container['name']}' requests no {resource}"
                    )
                    hint = f"give it resources.requests.{resource}"
                    findings.append(Finding((*path, "autoscale", resource), "no-request", message, hint))
    return findings


def check_containers(part: PartSpec, manifests: list[Manifest], path: Path) -> list[Finding]:
    """Return a finding for each name that two containers of a pod have, which the API server would refuse."""
    own: Mapping[str, object] = getattr(part, "containers", {})
    findings: list[Finding] = []
    for _, pod in pod_specs(manifests):
        containers = [*pod.get("initContainers", []), *pod["containers"]]
        named = Counter(container["name"] for container in containers)
        for name in (n for n, count in named.items() if count > 1):
            where = (*path, *(("containers", name) if name in own else ()))
            message = f"its pod has a container '{name}' of another purpose already"
            findings.append(Finding(where, "duplicate-name", message, "choose another name"))
    return list(dict.fromkeys(findings))


def check_duplicates(part: PartSpec, manifests: list[Manifest], path: Path) -> list[Finding]:
    """Return a finding for each volume of a pod that has another one's name or, in a container, its path."""
    mounts: dict[str, str] = getattr(part, "mounts", {})
    findings: list[Finding] = []
    for _, pod in pod_specs(manifests):
        named = Counter(volume["name"] for volume in pod.get("volumes", []))
        for volume in (v for v, count in named.items() if count > 1):
            where = (*path, *(("mounts", volume) if volume in mounts else ()))
            message = f"the pod has a volume '{volume}' of its own already"
            findings.append(Finding(where, "duplicate-mount", message, "rename the one under volumes"))
        for container in pod.get("containers", []):
            for first, second in _same_path(container):
                ours = next((n for n in (second, first) if n in mounts), None)
                other = first if ours == second else second
                where = (*path, *(("mounts", ours) if ours else ()))
                message = (
                    f"two volumes are mounted at one path of container '{container['name']}': {ours or second} "
                    f"and {other}"
                )
                findings.append(Finding(where, "duplicate-mount", message, "choose another path"))
    return list(dict.fromkeys(findings))


def _same_path(container: Manifest) -> Iterator[tuple[str, str]]:
    taken: dict[str, str] = {}
    for mount in container.get("volumeMounts", []):
        if mount["mountPath"] in taken:
            yield taken[mount["mountPath"]], mount["name"]
        taken.setdefault(mount["mountPath"], mount["name"])
