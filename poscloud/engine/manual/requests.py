"""Requests to a cluster about changes by hand."""

from __future__ import annotations

from poscloud.cluster.target import Target
from poscloud.provider import config
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.rest import Clock

MUTABLE = frozenset({"ConfigMap", "Secret"})
"""Kinds whose data changes in place, as the engine is told (program.py)."""


def cluster_of(target: Target) -> Cluster:
    """Return requests to a cluster, for one event loop; they take over fields that others own."""
    access = config.load({"kubeconfig": str(target.kubeconfig), "context": target.context})
    return Cluster(access, Settings(target.identifier or "", MUTABLE, force=True), Clock())
