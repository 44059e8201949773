"""Which workload of a stack is meant by a service's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poscloud.engine.drift.described import Described
from poscloud.engine.manual.asleep import asleep, environment_sleeps
from poscloud.errors import DeployError, PosCloudError
from poscloud.provider.cluster import Cluster
from poscloud.provider.diff import get
from poscloud.spec.references import nearest

Object = dict[str, Any]

KINDS = ("Deployment", "StatefulSet")
"""Kinds that are scaled and restarted."""


def workload_of(found: Sequence[Described], service: str, stack: str) -> Described:
    """Return the workload of a service, or of that very name.

    Args:
        found: The stack's objects.
        service: A service, a backing service, or one track of a release: ``web-blue``.
        stack: The stack, for messages.

    Raises:
        PosCloudError: There is none, or the service has several.
    """
    workloads = [each for each in found if each.kind in KINDS]
    if named := [each for each in workloads if each.name == service]:
        return named[0]
    of_it = [each for each in workloads if each.component == service]
    if len(of_it) == 1:
        return of_it[0]
    if of_it:
        names = [each.name for each in of_it]
        raise PosCloudError(
            f"'{service}' of {stack} has {len(names)} workloads", hint=f"name one: {', '.join(names)}"
        )
    known = {each.component for each in workloads}
    raise PosCloudError(
        f"{stack} has no service '{service}' that runs pods, as far as its last up knows",
        hint=nearest(service, known) or f"there are: {', '.join(sorted(known))}",
    )


async def live_workload(cluster: Cluster, workload: Described, stack: str) -> Object:
    """Return the live object of a workload.

    Raises:
        DeployError: There is none, or it or its whole environment sleeps.
    """
    live = await cluster.get(workload.inputs)
    name = f"{workload.kind} {workload.name}"
    if live is None:
        raise DeployError(
            f"{name} is gone from the cluster", hint=f"how to make it anew says: poscloud drift -s {stack}"
        )
    if asleep(live) or await environment_sleeps(cluster, stack):
        raise DeployError(f"{name} sleeps", hint=f"poscloud env wake {stack}")
    return live


async def refuse_autoscaled(cluster: Cluster, workload: Described) -> None:
    """Make sure that no HorizontalPodAutoscaler decides how many pods a workload has.

    Raises:
        PosCloudError: One does, and would undo every other number.
    """
    for scaler in await cluster.list("autoscaling/v2", "horizontalpodautoscalers", workload.namespace):
        target = get(scaler, "spec", "scaleTargetRef", default={})
        if (target.get("kind"), target.get("name")) == (workload.kind, workload.name):
            low, high = get(scaler, "spec", "minReplicas", default=1), get(scaler, "spec", "maxReplicas")
            raise PosCloudError(
                f"{workload.kind} {workload.name} is scaled by HorizontalPodAutoscaler {scaler['metadata']['name']} "
                f"between {low} and {high}: it would undo any other number at once",
                hint=f"change `autoscale` of '{workload.component}' in the stack's file, then: poscloud up",
            )
