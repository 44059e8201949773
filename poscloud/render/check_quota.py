"""Whether what an environment runs is allowed by its own quota and limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from poscloud.render.check_pods import pod_specs
from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding, Path
from poscloud.spec.values import MEBIBYTE, parse_quantity

_SIDES = ("requests", "limits")


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
            for container in (*pod.get("initContainers", []), *pod["containers"]):
                limit = container.get("resources", {}).get("limits", {}).get(resource)
                if limit and parse_quantity(limit) > parse_quantity(most):
                    message = (
                        f"container '{container['name']}' may use {limit} of {resource}, but limits.max.{resource} "
                        f"of the environment is {most}"
                    )
                    where = (*path, "resources", "limits", resource)
                    findings.append(Finding(where, "above-limit", message, "lower this, or raise that"))
    return findings


def check_quota_suffices(environment: EnvironmentSpec, manifests: Iterable[Manifest]) -> list[Finding]:
    """Return a finding for each resource of which everything together needs more than the quota has.

    The API server would take the workloads and refuse some of their pods. A rolling update needs more still.
    """
    if not environment.quota:
        return []
    needed: dict[str, Decimal] = defaultdict(Decimal)
    for item in manifests:
        for resource, amount in _needs(item):
            needed[resource] += amount
    findings = []
    for resource, hard in environment.quota.items():
        total = needed[resource]
        if total > parse_quantity(hard):
            message = (
                f"everything together needs {_shown(resource, total)} of {resource}, but the quota has {hard}"
            )
            findings.append(Finding(("quota", resource), "above-quota", message, "raise it, or ask for less"))
    return findings


def _needs(item: Manifest) -> Iterator[tuple[str, Decimal]]:
    """Yield what a Deployment or StatefulSet takes of a quota, at the number of pods it begins with."""
    if item["kind"] not in ("Deployment", "StatefulSet"):
        return
    pods = Decimal(item["spec"].get("replicas", 1))
    yield "pods", pods
    for container in item["spec"]["template"]["spec"]["containers"]:
        for side in _SIDES:
            for resource, amount in container.get("resources", {}).get(side, {}).items():
                yield f"{side}.{resource}", pods * parse_quantity(amount)
                if side == "requests":
                    yield resource, pods * parse_quantity(amount)
    for claim in item["spec"].get("volumeClaimTemplates", []):
        yield "persistentvolumeclaims", pods
        yield "requests.storage", pods * parse_quantity(claim["spec"]["resources"]["requests"]["storage"])


def _shown(resource: str, amount: Decimal) -> str:
    if resource.endswith(("memory", "storage")):
        return f"{-(-amount // MEBIBYTE)}Mi"
    return f"{amount.normalize():f}"
