"""Why a node does not take a pod, in the scheduler's words and its order; the first that says no decides.

What kube-scheduler's filters look at, without volumes, whose place is known only when they are there, and without
preemption: a pod of a higher priority may still push others away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from poscloud.cluster.preflight.nodes import Node
from poscloud.cluster.preflight.wanted import Wanted

PORTS = "node(s) didn't have free ports for the requested pod ports"

Object = dict[str, Any]


def refusals(node: Node, wanted: Wanted, nodes: list[Node]) -> list[str]:
    """Return why ``node`` does not take a pod; empty if it does.

    Args:
        node: The node.
        wanted: The pod.
        nodes: All nodes with what has been placed so far, which rules between pods count.
    """
    filters: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _cordoned(node, wanted),
        lambda: _tainted(node, wanted),
        lambda: _labels(node, wanted),
        lambda: _ports(node, wanted),
        lambda: _room(node, wanted),
        lambda: _spread(node, wanted, nodes),
        lambda: _apart(node, wanted, nodes),
    )
    return next((found for each in filters if (found := list(each()))), [])


def _cordoned(node: Node, wanted: Wanted) -> Iterator[str]:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if node.cordoned and not _tolerated(taint, wanted):
        yield "node(s) were unschedulable"


def _tainted(node: Node, wanted: Wanted) -> Iterator[str]:
    for taint in node.taints:
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not _tolerated(taint, wanted):
            yield f"node(s) had untolerated taint {{{taint.get('key')}: {taint.get('value') or ''}}}"
            return


def _tolerated(taint: Object, wanted: Wanted) -> bool:
    for toleration in wanted.pod.get("tolerations") or []:
        if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
            continue
        if toleration.get("key") and toleration["key"] != taint.get("key"):
            continue
        if toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (
            taint.get("value") or ""
        ):
            return True
    return False


def _labels(node: Node, wanted: Wanted) -> Iterator[str]:
    if not selects(node, wanted.pod):
        yield "node(s) didn't match Pod's node affinity/selector"


def selects(node: Node, pod: Object) -> bool:
    """Whether a pod's node selector and required node affinity let it run on a node."""
    selector = pod.get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(
        all(_matches(node.labels, e) for e in term.get("matchExpressions") or [])
        and all(_matches({"metadata.name": node.name}, e) for e in term.get("matchFields") or [])
        for term in required.get("nodeSelectorTerms") or []
    )


def _matches(labels: dict[str, str], expression: Object) -> bool:
    """Whether labels fit one expression of a selector."""
    key, values = expression["key"], expression.get("values") or []
    found = labels.get(key)
    match expression["operator"]:
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
    try:
        ours, bound = int(found or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return ours > bound if expression["operator"] == "Gt" else ours < bound


def _ports(node: Node, wanted: Wanted) -> Iterator[str]:
    for port, address in wanted.ports:
        if any(p == port and (not a or not address or a == address) for p, a in node.ports):
            yield PORTS
            return


def _room(node: Node, wanted: Wanted) -> Iterator[str]:
    for resource, needed in wanted.needs.items():
        if needed > node.free.get(resource, 0):
            yield "Too many pods" if resource == "pods" else f"Insufficient {resource}"


def _spread(node: Node, wanted: Wanted, nodes: list[Node]) -> Iterator[str]:
    for rule in wanted.pod.get("topologySpreadConstraints") or []:
        key = rule["topologyKey"]
        if rule.get("whenUnsatisfiable") != "DoNotSchedule":
            continue
        if key not in node.labels:
            yield "node(s) didn't match pod topology spread constraints (missing required label)"
            return
        counts: dict[str, int] = {}
        for other in nodes:
            if key in other.labels and selects(other, wanted.pod):
                there = sum(_chosen(labels, rule.get("labelSelector") or {}) for labels in other.pods)
                counts[other.labels[key]] = counts.get(other.labels[key], 0) + there
        if counts.get(node.labels[key], 0) + 1 - min(counts.values(), default=0) > int(rule["maxSkew"]):
            yield "node(s) didn't match pod topology spread constraints"
            return


def _apart(node: Node, wanted: Wanted, nodes: list[Node]) -> Iterator[str]:
    affinity = wanted.pod.get("affinity") or {}
    for term in (affinity.get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or []:
        if any(_chosen(p, term.get("labelSelector") or {}) for p in _near(node, term["topologyKey"], nodes)):
            yield "node(s) didn't match pod anti-affinity rules"
            return
    for term in (affinity.get("podAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or []:
        selector = term.get("labelSelector") or {}
        here = any(_chosen(pod, selector) for pod in _near(node, term["topologyKey"], nodes))
        first = _chosen(wanted.labels, selector) and not any(
            _chosen(p, selector) for n in nodes for p in n.pods
        )
        if not here and not first:
            yield "node(s) didn't match pod affinity rules"
            return


def _near(node: Node, key: str, nodes: list[Node]) -> Iterator[dict[str, str]]:
    """Yield the pods of the environment that are in one domain with ``node``."""
    if key in node.labels:
        for other in nodes:
            if other.labels.get(key) == node.labels[key]:
                yield from other.pods


def _chosen(labels: dict[str, str], selector: Object) -> bool:
    """Whether a label selector means a pod of these labels."""
    given = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    return all(labels.get(k) == v for k, v in given.items()) and all(_matches(labels, e) for e in expressions)
