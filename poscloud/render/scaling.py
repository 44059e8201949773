"""How many pods of a service there are and have to be: autoscaler and disruption budget."""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec import ServiceSpec
from poscloud.spec.scaling import Autoscale


def render_scaling(context: Context, name: str, spec: ServiceSpec, kind: str) -> list[Manifest]:
    """Return the HorizontalPodAutoscaler and the PodDisruptionBudget of a service that has them."""
    found: list[Manifest] = []
    if spec.autoscale:
        found.append(_autoscaler(context, name, spec.autoscale, kind))
    if spec.disruption_budget and spec.most_pods() > 1:
        found.append(_budget(context, name, kind))
    return found


def _autoscaler(context: Context, name: str, spec: Autoscale, kind: str) -> Manifest:
    metrics = [
        {
            "type": "Resource",
            "resource": {"name": n, "target": {"type": "Utilization", "averageUtilization": p}},
        }
        for n, p in (("cpu", spec.cpu), ("memory", spec.memory))
        if p is not None
    ]
    return manifest(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        name,
        namespace=context.namespace,
        labels=context.labels(name, kind),
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": spec.min,
            "maxReplicas": spec.max,
            "metrics": metrics,
        },
    )


def _budget(context: Context, name: str, kind: str) -> Manifest:
    """Return a budget of one pod at a time, which no drain waits for longer than for the next ready pod.

    ``minAvailable`` could become as many as there are pods, and then block for ever. A pod that is not ready may always
    go (AlwaysAllow): otherwise one that never gets ready would keep its node from being drained.
    """
    return manifest(
        "policy/v1",
        "PodDisruptionBudget",
        name,
        namespace=context.namespace,
        labels=context.labels(name, kind),
        spec={
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": names.selector(name)},
        },
    )
