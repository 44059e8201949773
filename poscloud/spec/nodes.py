"""Node pools: groups of hosts by their labels, and which of them a part's pods may run on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, StrictInt

from poscloud.spec.base import Model, Name
from poscloud.spec.kubernetes import check_labels
from poscloud.spec.references import Finding, Path, nearest

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec
    from poscloud.spec.part import PartSpec


class Taint(Model):
    """A taint that keeps other pods away from the hosts of a pool; the pool's own pods tolerate it."""

    key: str = Field(description="Key of the taint.", examples=["dedicated"])
    value: str | None = Field(None, description="Value; left out, any value is tolerated.", examples=["db"])
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        "NoSchedule", description="What the taint does to pods that do not tolerate it."
    )


class NodePool(Model):
    """Hosts with the same labels, labelled and tainted by whoever runs the cluster (``kubectl label node``)."""

    labels: dict[str, str] = Field(
        min_length=1,
        description="Labels that all hosts of the pool have, and no other.",
        examples=[{"node": "public"}],
    )
    hosts: StrictInt | None = Field(
        None,
        ge=1,
        le=100_000,
        description="How many hosts it has. With it, replicas that may not share a host are counted against it.",
    )
    taints: tuple[Taint, ...] = Field((), description="Taints of the hosts, which the pool's pods tolerate.")


def pool_name(environment: EnvironmentSpec, part: PartSpec) -> Name | None:
    """Return the pool that ``part`` runs in: its own, else the environment's."""
    return part.pool or environment.pool


def pool_of(environment: EnvironmentSpec, part: PartSpec) -> NodePool | None:
    """Return the pool that ``part`` runs in; ``None`` without one."""
    name = pool_name(environment, part)
    return environment.node_pools.get(name) if name else None


def selector_of(environment: EnvironmentSpec, part: PartSpec) -> dict[str, str]:
    """Return the labels a host must have for the pods of ``part``.

    The labels of its pool and its ``node_selector``. The environment's ``node_selector`` is for parts that name
    neither a pool nor a selector of their own.
    """
    pool = pool_of(environment, part)
    return {**(pool.labels if pool else {}), **_own_selector(environment, part)[0]}


def _own_selector(environment: EnvironmentSpec, part: PartSpec) -> tuple[dict[str, str], bool]:
    """Return the node selector that holds for ``part`` beside its pool, and whether it is its own."""
    if part.node_selector is not None:
        return part.node_selector, True
    return ({} if part.pool else environment.node_selector), False


def check_nodes(spec: EnvironmentSpec) -> list[Finding]:
    """Return every pool that is not there, and every selector that no host of its pool satisfies."""
    findings: list[Finding] = []
    for name, pool in spec.node_pools.items():
        where: Path = ("node_pools", name)
        findings += check_labels(pool.labels, (*where, "labels"))
        for i, taint in enumerate(pool.taints):
            findings += check_labels({taint.key: taint.value or ""}, (*where, "taints", i))
    findings += _check_pool(spec, spec.pool, ("pool",))
    for group, parts in (("backing", spec.backing), ("services", spec.services)):
        for name, part in parts.items():
            findings += _check_pool(spec, part.pool, (group, name, "pool"))
            findings += _check_selector(spec, part, (group, name))
    return list(dict.fromkeys(findings))


def _check_pool(spec: EnvironmentSpec, pool: str | None, path: Path) -> list[Finding]:
    if pool is None or pool in spec.node_pools:
        return []
    message = f"'{pool}' names no pool under node_pools"
    return [Finding(path, "unknown-reference", message, nearest(pool, spec.node_pools))]


def _check_selector(spec: EnvironmentSpec, part: PartSpec, path: Path) -> list[Finding]:
    pool = pool_of(spec, part)
    selector, own = _own_selector(spec, part)
    return [
        Finding(
            (*(path if own else ()), "node_selector", key),
            "no-such-host",
            f"node_selector asks for {key}={selector[key]}, but the hosts of pool '{pool_name(spec, part)}' have "
            f"{key}={value}",
            "leave the label out, or choose another pool",
        )
        for key, value in (pool.labels if pool else {}).items()
        if selector.get(key, value) != value
    ]
