"""Looking at an environment: where it is, and which of its services are meant; nothing is started or written."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from poscloud.cluster.target import resolve
from poscloud.cluster.watching.namespace import MissingNamespaceError, Namespace
from poscloud.cluster.watching.selection import selected
from poscloud.cluster.watching.services import Service
from poscloud.cluster.watching.status import Seen, Status, see, services_in, status_of
from poscloud.engine.localstate import recorded_cluster
from poscloud.engine.stackconfig import project_name, read_stack_config
from poscloud.errors import DeployError, InputError
from poscloud.load.stacks import known_stacks
from poscloud.local.paths import ProjectPaths

Unmade = dict[str, tuple[str, tuple[str, ...]]]
"""Kind, and what it starts after, of each service that is described but not in the cluster."""


def namespace_of(root: Path, stack: str) -> Namespace:
    """Return the namespace of an environment; nothing of the cluster is asked yet.

    Raises:
        StackNotFoundError: There is neither such a description nor a cluster to look for it in.
        DeployError: There is no cluster yet, or its context cannot be found.
    """
    config = read_stack_config(root, stack)
    try:
        target = resolve(root, config.context, config.cluster or recorded_cluster(ProjectPaths(root), stack))
    except DeployError:
        refuse_unknown(root, stack)
        raise
    return Namespace(target, stack, f"{project_name(root)}/{stack}")


def refuse_unknown(root: Path, stack: str) -> None:
    """Make sure that an environment which has no namespace is described at least.

    Raises:
        StackNotFoundError: It is not; has the nearest name.
    """
    if stack not in known_stacks(root):
        from poscloud.load import load_environment

        load_environment(root, stack)


async def seen(root: Path, namespace: Namespace) -> Seen:
    """Return what the cluster tells of an environment; errors as in ``all_services``."""
    with _known(root, namespace.name):
        return await see(namespace)


async def all_services(root: Path, namespace: Namespace) -> dict[str, Service]:
    """Return all services that are in the cluster, by name.

    Raises:
        StackNotFoundError: There is no such environment, neither here nor there.
        PosCloudError: As ``poscloud.cluster.watching.status.services_in``.
    """
    with _known(root, namespace.name):
        return (await services_in(namespace))[1]


async def services(root: Path, namespace: Namespace, names: Sequence[str]) -> list[Service]:
    """Return the services that are meant, all of them where none is named.

    Raises:
        UsageError: There is no such service.
        PosCloudError: As ``all_services``.
    """
    found = await all_services(root, namespace)
    return [found[name] for name in selected(names, found.keys(), namespace.name)]


@contextmanager
def _known(root: Path, stack: str) -> Iterator[None]:
    """Where there is no such namespace, say first whether there is such an environment at all."""
    try:
        yield
    except MissingNamespaceError:
        refuse_unknown(root, stack)
        raise


def unmade(root: Path, stack: str, made: Collection[str]) -> Unmade:
    """Return what is described but not in the cluster; nothing where the description is wrong, or not here.

    A description is loaded only where skimming it shows that something is missing.
    """
    from poscloud.load.skim import part_names

    names = part_names(root, stack)
    missing = stack in known_stacks(root) if names is None else bool(names - set(made))
    if not missing:
        return {}
    from poscloud.load import load_environment

    try:
        spec = load_environment(root, stack)
    except InputError:
        return {}
    left = [name for name in (*spec.backing, *spec.services) if name not in made]
    return {name: (spec.kind(name), tuple(sorted(spec.start_after(name)))) for name in left}


async def status(root: Path, namespace: Namespace, wanted: Sequence[str]) -> Status:
    """Return how services of an environment are, all of them where none is named.

    Raises:
        UsageError: There is no such service.
        PosCloudError: As ``seen``.
    """
    found = await seen(root, namespace)
    left = await asyncio.to_thread(unmade, root, namespace.name, found.services)
    names = selected(wanted, {*found.services, *left}, namespace.name)
    return status_of(namespace.name, found, names, left)
