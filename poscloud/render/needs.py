"""What an environment expects of its cluster."""

from __future__ import annotations

from dataclasses import dataclass

from poscloud.render.environment import render_environment
from poscloud.spec import EnvironmentSpec


@dataclass(frozen=True)
class ClusterNeeds:
    """What has to be there before an environment can run.

    Attributes:
        selectors: Labels that pods ask of their nodes, each set once.
        storage_classes: Names that claims ask for, each once, without those the environment makes itself.
    """

    selectors: list[dict[str, str]]
    storage_classes: list[str]


def cluster_needs(spec: EnvironmentSpec) -> ClusterNeeds:
    """Return what the manifests of ``spec`` ask for."""
    needs = ClusterNeeds([], [])
    manifests = [m for part in render_environment(spec) for m in part.manifests]
    own = {m["metadata"]["name"] for m in manifests if m["kind"] == "StorageClass"}
    for manifest in manifests:
        body = manifest.get("spec") or {}
        selector = (body.get("template") or {}).get("spec", {}).get("nodeSelector")
        if selector and selector not in needs.selectors:
            needs.selectors.append(selector)
        for claim in body.get("volumeClaimTemplates") or ():
            name = claim["spec"].get("storageClassName")
            if name and name not in own and name not in needs.storage_classes:
                needs.storage_classes.append(name)
    return needs
