"""The picture of an environment: its components as described, and as they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

from poscloud.cluster.watching.graph.model import Component, of_needs, of_status
from poscloud.engine import watching


def components_of(root: Path, stack: str, *, state: bool) -> list[Component]:
    """Return the components of an environment.

    Args:
        root: The project's folder.
        stack: The environment.
        state: Whether the cluster is asked how each is; else the description alone counts.

    Raises:
        StackNotFoundError: There is no such environment.
        InputError: Without a state: its description is wrong.
        PosCloudError: With a state: the cluster does not answer, or not to this user.
    """
    if state:
        namespace = watching.namespace_of(root, stack)
        return of_status(asyncio.run(watching.status(root, namespace, ())))
    from poscloud.load import load_environment

    spec = load_environment(root, stack)
    return of_needs(
        {name: (spec.kind(name), spec.start_after(name)) for name in (*spec.backing, *spec.services)}
    )
