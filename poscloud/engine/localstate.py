"""The embedded state of stacks that lived on a local cluster that is gone."""

from __future__ import annotations

from pathlib import Path

from poscloud.engine import unrecorded
from poscloud.engine.stackconfig import project_name
from poscloud.engine.statefile import cluster_of, copies, damage
from poscloud.local.paths import ProjectPaths


def forget_local_stacks(paths: ProjectPaths, cluster_uid: str) -> list[str]:
    """Put aside the embedded state of every stack that was deployed to one cluster, and return their names.

    A state that names objects of a cluster that no longer exists only leads to errors, and so does a backup. Which
    cluster that was is taken from the state itself, or from its backup where it is damaged; stacks of other clusters
    and other backends are left alone. A state is renamed to ``NAME.json.forgotten``, its backups are removed.

    Args:
        paths: The project.
        cluster_uid: The removed cluster.
    """
    folder = paths.state / ".pulumi" / "stacks" / project_name(paths.root)
    forgotten = []
    for file in sorted(folder.glob("*.json")) if cluster_uid else ():
        backups = [copy for copy in copies(file) if _cluster_of(copy) == cluster_uid]
        whole = [copy for copy in copies(file) if not damage(_content(copy))]
        newest = max(whole, key=lambda copy: copy.stat().st_mtime_ns, default=None)
        teller = newest if newest and damage(_content(file)) else file
        of_it = _cluster_of(teller) == cluster_uid
        if of_it:
            file.replace(file.with_name(f"{file.name}.forgotten"))
            # Those that are damaged themselves tell no cluster.
            backups += [copy for copy in copies(file) if damage(_content(copy))]
            backups.append(file.with_name(f"{file.name}.damaged"))
            unrecorded.clear(paths, file.stem)
            forgotten.append(file.stem)
        for copy in backups:
            copy.unlink(missing_ok=True)
    return forgotten


def recorded_cluster(paths: ProjectPaths, stack: str) -> str:
    """Return the uid of the cluster that a stack in the embedded state was deployed to; empty when there is none."""
    return _cluster_of(paths.state / ".pulumi" / "stacks" / project_name(paths.root) / f"{stack}.json")


def _cluster_of(file: Path) -> str:
    return cluster_of(_content(file))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
