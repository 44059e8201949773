"""The embedded state of stacks that lived on a local cluster that is gone."""

from __future__ import annotations

import json
from pathlib import Path

from poscloud.engine.stackconfig import project_name
from poscloud.local.paths import ProjectPaths


def forget_local_stacks(paths: ProjectPaths, cluster_uid: str) -> list[str]:
    """Put aside the embedded state of every stack that was deployed to one cluster, and return their names.

    A state that names objects of a cluster that no longer exists only leads to errors. Which cluster that was is
    taken from the state itself; stacks of other clusters and other backends are left alone. Files are renamed to
    ``NAME.json.forgotten``.

    Args:
        paths: The project.
        cluster_uid: The removed cluster.
    """
    folder = paths.state / ".pulumi" / "stacks" / project_name(paths.root)
    forgotten = []
    for file in sorted(folder.glob("*.json")):
        if cluster_uid and _cluster_of(file) == cluster_uid:
            file.replace(file.with_name(f"{file.name}.forgotten"))
            file.with_name(f"{file.name}.bak").unlink(missing_ok=True)
            forgotten.append(file.stem)
    return forgotten


def recorded_cluster(paths: ProjectPaths, stack: str) -> str:
    """Return the uid of the cluster that a stack in the embedded state was deployed to; empty when there is none."""
    return _cluster_of(paths.state / ".pulumi" / "stacks" / project_name(paths.root) / f"{stack}.json")


def _cluster_of(file: Path) -> str:
    """Return the uid of the cluster that a state's provider is bound to; empty for an empty or damaged state."""
    try:
        deployment = json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"] or {}
        for resource in deployment.get("resources") or []:
            if resource["type"] == "pulumi:providers:kubernetes":
                return str(resource.get("inputs", {}).get("clusterIdentifier", "")).removeprefix("uid:")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return ""
