"""What an environment would meet in the cluster that its stack goes to."""

from __future__ import annotations

from pathlib import Path

from poscloud.cluster.preflight.fit import check_fit
from poscloud.cluster.preflight.live import Live, read
from poscloud.cluster.preflight.nodes import Node, nodes_of
from poscloud.cluster.preflight.there import check_classes, check_quotas, check_served, check_taken
from poscloud.cluster.preflight.wanted import wanted_pods
from poscloud.cluster.target import Target, resolve
from poscloud.engine.description import Description
from poscloud.engine.localstate import recorded_cluster
from poscloud.engine.stackconfig import read_stack_config
from poscloud.local.paths import ProjectPaths
from poscloud.render.preflight.claims import claims_of
from poscloud.spec.references import Finding

RIGHTS = "poscloud-preflight"


def live_of(root: Path, stack: str, description: Description) -> Live:
    """Read the cluster that a stack goes to.

    Raises:
        DeployError: There is no such cluster, it does not answer, or it is not the one the stack was deployed to.
        AuthError: It does not know this user.
    """
    kinds = {(item["apiVersion"], item["kind"]) for part in description.parts for item in part.manifests}
    return read(target_of(root, stack), description.spec.name, kinds)


def target_of(root: Path, stack: str) -> Target:
    """Return the cluster that a stack goes to, with the uid of the one it was deployed to."""
    config = read_stack_config(root, stack)
    return resolve(root, config.context, config.cluster or recorded_cluster(ProjectPaths(root), stack))


def cluster_findings(description: Description, live: Live) -> tuple[list[Finding], list[str]]:
    """Return what an environment would meet in a cluster, and what could not be looked at.

    Args:
        description: The environment's.
        live: What is in the cluster.
    """
    spec, parts = description.spec, description.parts
    findings = [
        *check_taken(spec, claims_of(spec, parts), live),
        *check_served(spec, parts, live),
        *check_classes(spec, parts, live),
        *check_quotas(spec, parts, live),
    ]
    if "nodes" in live.lists and "pods" in live.lists:
        findings += check_fit(spec, wanted_pods(spec, parts), nodes_in(live, spec.name))
    notes = []
    if live.unseen:
        notes.append(
            f"not looked at, as this user may not list them: {', '.join(live.unseen)} "
            f"(ClusterRole {RIGHTS}: poscloud access)"
        )
    return findings, notes


def image_findings(description: Description, live: Live | None) -> tuple[list[Finding], list[str]]:
    """Return which images and jars are not there, or not for the nodes, and what could not be asked.

    Args:
        description: The environment's.
        live: What is in the cluster; ``None`` when it is not looked at.
    """
    from poscloud.cluster.preflight.images import check_registry

    spec = description.spec
    nodes = nodes_in(live, spec.name) if live else []
    findings, notes = check_registry(spec, description.parts, nodes)
    if any(getattr(service, "jar", None) for service in spec.services.values()):
        from poscloud.engine.jars import check_jars

        missing, unasked = check_jars(spec)
        return [*findings, *missing], [*notes, *unasked]
    return findings, notes


def nodes_in(live: Live, environment: str) -> list[Node]:
    """Return the nodes with what everybody but the environment itself leaves free."""
    return nodes_of(live.get("nodes"), live.get("pods"), environment)
