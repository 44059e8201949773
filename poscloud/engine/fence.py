"""Whose namespace it is, asked before a destroy.

Everything else the provider asks, in every way the engine is run. But in a destroy the engine takes all that goes
with the namespace out of the state before it calls the provider for the namespace itself: where that is refused, the
cluster is untouched and the state no longer knows what is in it. The next ``up`` mends that; better not to begin.
"""

from __future__ import annotations

from typing import Any

from poscloud.engine.inventory import deployment
from poscloud.engine.kubectl import Kubectl, stamp_of
from poscloud.engine.pulumi import Pulumi
from poscloud.errors import DeployError
from poscloud.provider.config import kubectl_to
from poscloud.render.names import STACK_ANNOTATION

NAMESPACE_TYPE = "kubernetes:core/v1:Namespace"


def refuse_taken(pulumi: Pulumi, kubectl: Kubectl, stack: str, mark: str) -> None:
    """Make sure that the namespace a stack has made still says that it is this stack's.

    Args:
        pulumi: The engine, asked for the state only when the namespace says something else.
        kubectl: The cluster.
        stack: The environment.
        mark: ``project/stack``, what the namespace should say.

    Raises:
        DeployError: It does not. A namespace that was made by somebody else, after this stack's was gone, is no error:
            destroy leaves it alone.
    """
    live = kubectl.get("namespace", stack)
    if not live or stamp_of(live) == mark:
        return
    known = _namespace_in_state(pulumi, stack)
    uid = known.get("metadata", {}).get("uid")
    if uid != live["metadata"]["uid"] or stamp_of(live) == stamp_of(
        known
    ):  # the latter: the project was renamed
        return
    says = f"belongs to stack {stamp_of(live)}" if stamp_of(live) else "belongs to no stack"
    raise DeployError(
        f"namespace {stack} was made by this stack, {mark}, and says now that it {says} (annotation "
        f"{STACK_ANNOTATION}); nothing was deleted",
        hint="if it is this stack's after all: "
        f"{kubectl_to(str(kubectl.target.kubeconfig), kubectl.target.context)} annotate --overwrite namespace {stack} "
        f"{STACK_ANNOTATION}={mark}",
    )


def _namespace_in_state(pulumi: Pulumi, stack: str) -> dict[str, Any]:
    """Return the namespace as the state has it; empty when it has none."""
    resources = deployment(pulumi, stack).get("resources") or []
    own = (r for r in resources if r.get("type") == NAMESPACE_TYPE and r.get("id") == stack)
    return next((dict(r.get("outputs") or {}) for r in own), {})
