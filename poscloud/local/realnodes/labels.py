"""Labels of nodes with real containers: what environments ask of their nodes is given to these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from poscloud.errors import DeployError
from poscloud.local.api import LocalApi

NODES = "/api/v1/nodes"


def wanted(
    nodes: Mapping[str, Mapping[str, str]], selectors: Iterable[Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """The labels to add, by node, so that each set of labels is met by at least one node.

    Every node that can take a set gets it. A label that a node has is changed only where another node has it too: pods
    are there because of it.

    Args:
        nodes: The labels of each node.
        selectors: Sets of labels that pods ask of their nodes.

    Raises:
        DeployError: No node can have all labels of a set.
    """
    added: dict[str, dict[str, str]] = {name: {} for name in nodes}
    for selector in selectors:
        current = {name: {**labels, **added[name]} for name, labels in nodes.items()}
        if any(selector.items() <= labels.items() for labels in current.values()):
            continue
        able = [
            name
            for name, labels in current.items()
            if all(labels.get(key, value) == value for key, value in selector.items())
        ]
        if not able:
            able = [_spare(current, selector)]
        for name in able:
            added[name].update(selector.items() - nodes[name].items())
    return {name: labels for name, labels in added.items() if labels}


def _spare(current: Mapping[str, Mapping[str, str]], selector: Mapping[str, str]) -> str:
    """The last node whose labels of these names another node has as well."""
    for name in sorted(current, reverse=True):
        given = {key: value for key, value in current[name].items() if key in selector}
        if any(given.items() <= labels.items() for other, labels in current.items() if other != name):
            return name
    asked = ", ".join(f"{key}={value}" for key, value in selector.items())
    held = "; ".join(
        f"{name} has " + ", ".join(f"{key}={labels[key]}" for key in selector if key in labels)
        for name, labels in current.items()
    )
    raise DeployError(
        f"pods ask for a node with {asked}, and no real node is free to be one: {held}",
        hint=f"poscloud cluster up --nodes real={len(current) + 1}",
    )


def give(api: LocalApi, nodes: Iterable[Mapping[str, Any]], selectors: Iterable[Mapping[str, str]]) -> None:
    """Label the nodes so that every set of labels is met."""
    labelled = {node["metadata"]["name"]: node["metadata"].get("labels", {}) for node in nodes}
    for name, labels in wanted(labelled, selectors).items():
        api.merge(f"{NODES}/{name}", {"metadata": {"labels": labels}})
