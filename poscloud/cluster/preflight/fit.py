"""Whether an environment's pods find room: each is placed on the first node that takes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from poscloud.cluster.preflight.filters import PORTS, refusals
from poscloud.cluster.preflight.nodes import Node
from poscloud.cluster.preflight.wanted import Wanted
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding, Path

CODE, PORTS_CODE = "no-room", "host-port-taken"


def check_fit(spec: EnvironmentSpec, pods: Iterable[Wanted], nodes: list[Node]) -> list[Finding]:
    """Return a finding for each workload of which a pod fits nowhere; the nodes are filled on the way.

    Args:
        spec: The environment.
        pods: Its pods, the hardest to place first.
        nodes: The nodes with what everybody else leaves free.
    """
    findings = []
    for wanted in pods:
        left, why = _placed(wanted, nodes)
        if left:
            many = f"{left} of {wanted.count} pods" if wanted.count > 1 else "the pod"
            message = f"{many} of {wanted.workload} would fit nowhere: {_sentence(why, len(nodes))}"
            ports = set(why) == {PORTS}
            path = (*_part(spec, wanted.part), *_field(why, wanted))
            findings.append(Finding(path, PORTS_CODE if ports else CODE, message, _hint(why, wanted)))
    return findings


def _placed(wanted: Wanted, nodes: list[Node]) -> tuple[int, Counter[str]]:
    """Place the pods of a workload; return how many are left, and why each node refuses the first of them."""
    for left in range(wanted.count, 0, -1):
        refused = {node.name: refusals(node, wanted, nodes) for node in nodes}
        fitting = next((node for node in _by_room(nodes, wanted) if not refused[node.name]), None)
        if fitting is None:
            return left, Counter(reason for reasons in refused.values() for reason in reasons)
        fitting.take(wanted.needs, wanted.ports)
        fitting.pods.append(wanted.labels)
    return 0, Counter()


def _by_room(nodes: list[Node], wanted: Wanted) -> list[Node]:
    """Return the nodes, those without pods of this kind first: as the scheduler spreads them."""
    return sorted(nodes, key=lambda node: sum(labels == wanted.labels for labels in node.pods))


def _sentence(why: Counter[str], nodes: int) -> str:
    """Return why no node takes a pod, as the scheduler has it, but for taints, which are named here."""
    if not nodes:
        return "the cluster has no nodes."
    reasons = ", ".join(sorted(f"{count} {reason}" for reason, count in why.items()))
    return f"0/{nodes} nodes are available: {reasons}."


def _commonest(why: Counter[str]) -> str:
    return min(why, key=lambda reason: (-why[reason], reason), default="")


def _part(spec: EnvironmentSpec, part: str) -> Path:
    return ("backing" if part in spec.backing else "services", part)


def _field(why: Counter[str], wanted: Wanted) -> Path:
    """Return the field that a person would change, by the commonest reason."""
    reason = _commonest(why)
    if reason.startswith("Insufficient"):
        return ("resources", "requests", reason.split()[1])
    if "anti-affinity" in reason or reason == "Too many pods":
        return ("replicas",)
    if "affinity/selector" in reason:
        return ("node_selector",)
    return ("port",) if reason == PORTS else ()


def _hint(why: Counter[str], wanted: Wanted) -> str:
    reason = _commonest(why)
    if reason.startswith("Insufficient"):
        resource = reason.split()[1]
        needed = wanted.needs.get(resource, 0)
        shown = f"{needed.normalize():f}" if resource == "cpu" else f"{int(needed // 2**20)}Mi"  # type: ignore[union-attr]
        return f"each requests {shown} of {resource}: request less, or add a node"
    if "anti-affinity" in reason:
        return "fewer replicas, anti_affinity: preferred, or another node"
    if "affinity/selector" in reason:
        selector = ", ".join(f"{k}={v}" for k, v in (wanted.pod.get("nodeSelector") or {}).items())
        return f"label a node: kubectl label node NODE {selector}" if selector else "change the node affinity"
    if "taint" in reason:
        return "choose a pool with these taints (node_pools), or other nodes"
    if "unschedulable" in reason:
        return "let a node take pods again: kubectl uncordon NODE"
    return "choose another port, or other nodes" if reason == PORTS else ""
