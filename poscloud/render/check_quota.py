"""Whether what an environment runs is allowed by its own quota and limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from poscloud.render.amounts import COMPUTE, SIDES, amount, taken
from poscloud.render.check_pods import pod_specs
from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding, Path
from poscloud.spec.values import MEBIBYTE, parse_quantity


def check_maxima(environment: EnvironmentSpec, manifests: list[Manifest], path: Path) -> list[Finding]:
    """Return a finding for each container that may use more than the LimitRange lets one use.

    The API server would take the Deployment and refuse its pods.
    """
    if environment.limits is None:
        return []
    findings = []
    for resource in ("cpu", "memory"):
        most = getattr(environment.limits.max, resource)
        for _, pod in pod_specs(manifests) if most else ():
            for container in _all_containers(pod):
                limit = container.get("resources", {}).get("limits", {}).get(resource)
                if limit and parse_quantity(limit) > parse_quantity(most):
                    message = (
                        f"container '{container['name']}' may use {limit} of {resource}, but limits.max.{resource} "
                        f"of the environment is {most}"
                    )
                    where = (*path, "resources", "limits", resource)
                    findings.append(Finding(where, "above-limit", message, "lower this, or raise that"))
    return findings


def check_quota_covers(environment: EnvironmentSpec, manifests: list[Manifest], path: Path) -> list[Finding]:
    """Return a finding for each container without a value for what the quota counts of CPU and memory.

    The API server would take the Deployment and refuse its pods: "failed quota: must specify limits.memory".
    """
    findings = []
    for counted in environment.quota or {}:
        side, _, resource = counted.rpartition(".")
        side = side or "requests"
        if side not in SIDES or resource not in COMPUTE:
            continue
        for container in (c for _, pod in pod_specs(manifests) for c in _all_containers(pod)):
            if amount(container, side, resource, environment.limits) is None:
                message = (
                    f"container '{container['name']}' has no {side}.{resource}, but the quota counts it, "
                    "and limits has no default"
                )
                hint = (
                    f"give it resources.{side}.{resource}, or all containers one by limits.default.{resource}"
                )
                where = (*path, "resources", side, resource)
                findings.append(Finding(where, "no-amount", message, hint))
    return findings


def check_quota_suffices(environment: EnvironmentSpec, manifests: Iterable[Manifest]) -> list[Finding]:
    """Return a finding for each resource of which everything together needs more than the quota has.

    The API server would take the workloads and refuse some of their pods. A rolling update needs more still.
    """
    if not environment.quota:
        return []
    needed: dict[str, Decimal] = defaultdict(Decimal)
    for item in manifests:
        for resource, each in _needs(environment, item):
            needed[resource] += each
    findings = []
    for resource, hard in environment.quota.items():
        total = needed[resource]
        if total > parse_quantity(hard):
            message = (
                f"everything together needs {_shown(resource, total)} of {resource}, but the quota has {hard}"
            )
            findings.append(Finding(("quota", resource), "above-quota", message, "raise it, or ask for less"))
    return findings


def _needs(environment: EnvironmentSpec, item: Manifest) -> Iterator[tuple[str, Decimal]]:
    """Yield what a workload takes of a quota at the number of pods it begins with."""
    spec = item.get("spec", {})
    pods = spec.get("parallelism" if item["kind"] == "Job" else "replicas", 1)
    return taken(item, pods, environment.limits)


def _all_containers(pod: Manifest) -> list[Manifest]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def _shown(resource: str, amount: Decimal) -> str:
    if resource.endswith(("memory", "storage")):
        return f"{-(-amount // MEBIBYTE)}Mi"
    return f"{amount.normalize():f}"
