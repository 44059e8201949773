"""The pods that an environment will have, each with what it asks of its node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from poscloud.cluster.preflight.nodes import needs_of
from poscloud.render.check_pods import pod_specs
from poscloud.render.environment import RenderedPart
from poscloud.render.manifest import Manifest
from poscloud.render.preflight.claims import host_ports
from poscloud.spec import EnvironmentSpec


@dataclass(frozen=True)
class Wanted:
    """The pods of one workload.

    Attributes:
        part: The part that has them.
        workload: ``Deployment web``.
        count: How many.
        pod: Their ``spec``.
        labels: Their labels.
        needs: What each requests of its node.
        ports: Ports of the host that each takes.
    """

    part: str
    workload: str
    count: int
    pod: Manifest
    labels: dict[str, str]
    needs: dict[str, Decimal]
    ports: set[tuple[str, str]]

    @property
    def size(self) -> tuple[bool, Decimal, Decimal]:
        """What makes it hard to place: the largest and the most particular are placed first."""
        particular = bool(self.pod.get("nodeSelector") or self.ports or self.pod.get("affinity"))
        return particular, self.needs.get("memory", Decimal()), self.needs.get("cpu", Decimal())


def wanted_pods(spec: EnvironmentSpec, parts: Iterable[RenderedPart]) -> list[Wanted]:
    """Return the pods that an environment begins with, the hardest to place first."""
    found = [wanted for part in parts for wanted in _of(spec, part)]
    return sorted(found, key=lambda w: w.size, reverse=True)


def _of(spec: EnvironmentSpec, part: RenderedPart) -> Iterator[Wanted]:
    for item, pod in pod_specs(part.manifests):
        count = _count(item, part.manifests)
        if count:
            labels = item["spec"]["template"].get("metadata", {}).get("labels", {})
            name = f"{item['kind']} {item['metadata']['name']}"
            needs = needs_of(pod, spec.limits)
            yield Wanted(part.name, name, count, pod, dict(labels), needs, host_ports(pod))


def _count(item: Manifest, beside: list[Manifest]) -> int:
    """Return how many pods a workload begins with; a cron job has none of its own yet."""
    if item["kind"] == "Job":
        return int(item["spec"].get("parallelism", 1))
    if item["kind"] not in ("Deployment", "StatefulSet"):
        return 0
    for other in beside:
        target = other.get("spec", {}).get("scaleTargetRef", {})
        if (target.get("kind"), target.get("name")) == (item["kind"], item["metadata"]["name"]):
            return max(int(item["spec"].get("replicas", 0)), int(other["spec"].get("minReplicas", 1)))
    return int(item["spec"].get("replicas", 1))
