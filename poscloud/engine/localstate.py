"""The embedded state of stacks that lived on a local cluster that is gone."""

from __future__ import annotations

from poscloud.engine.stackconfig import project_name, read_stack_config
from poscloud.local.paths import ProjectPaths


def forget_local_stacks(paths: ProjectPaths) -> list[str]:
    """Remove the embedded state of every stack on the local cluster, and return their names.

    A state that names objects of a cluster that no longer exists only leads to errors. Stacks of other
    clusters and other backends are left alone.
    """
    folder = paths.state / ".pulumi" / "stacks" / project_name(paths.root)
    names = sorted({f.name.split(".json")[0] for f in folder.glob("*.json*")})
    local = [name for name in names if not read_stack_config(paths.root, name).context]
    for name in local:
        for file in folder.glob(f"{name}.json*"):
            if file.name.split(".json")[0] == name:
                file.unlink()
    return local
