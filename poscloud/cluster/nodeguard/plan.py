"""What is told, and what is restarted, of what nodes and pods use. Nothing is asked or done here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from poscloud.cluster.nodeguard.history import History
from poscloud.cluster.nodeguard.usage import Node, Pod
from poscloud.spec.kinds import BACKING_KINDS
from poscloud.spec.nodeguard import GuardSettings
from poscloud.spec.values import mebibytes, parse_quantity

STATEFUL = (
    "redis", "kafka", "mongo", "zookeeper", "mysql", "mariadb", "postgres", "consul", "mqtt", "mosquitto", "etcd",
    "elasticsearch", "rabbitmq", "minio", "clickhouse",
)  # fmt: skip
"""Words in the name of a pod by which it is taken for one with data, whoever made it."""


@dataclass(frozen=True)
class Alert:
    """Something that people are told.

    Attributes:
        key: What it is about, ``node-memory/node3``: the same is not told again for a while.
        text: One line, and a line for each pod.
        candidates: Pods that may be restarted for it, the first ones first.
        count: How many of them are to be.
        lines: What is told of pods.
    """

    key: str
    text: str
    candidates: tuple[Pod, ...] = ()
    count: int = 0
    lines: tuple[str, ...] = ()


@dataclass
class Plan:
    """What is to be told.

    Attributes:
        alerts: In the order of their weight.
    """

    alerts: list[Alert] = field(default_factory=list)

    @property
    def restarts(self) -> list[Pod]:
        """All pods that are to be restarted, if nothing keeps them."""
        return [pod for alert in self.alerts for pod in alert.candidates[: alert.count]]


def plan(
    nodes: Sequence[Node], pods: Sequence[Pod], settings: GuardSettings, history: History, now: datetime
) -> Plan:
    """Return what is told, and restarted, of what there is.

    Args:
        nodes: All nodes.
        pods: All pods.
        settings: When a node is overloaded, and what may be done then.
        history: What was done and told before.
        now: The time.
    """
    found = Plan()
    watched = [node for node in nodes if not matches(node.name, settings.skip_nodes)]
    known = [pod for pod in pods if not matches(pod.namespace, settings.skip_namespaces)]
    left = max(0, settings.per_hour - history.within_hour(now))
    taken: set[str] = set()
    for node in sorted(watched, key=lambda each: -each.memory):
        if node.memory > settings.node_memory:
            alert = _overloaded(node, known, settings, history, now, left, taken)
            left -= alert.count
            taken |= {pod.workload for pod in alert.candidates[: alert.count]}
            if (alert.count and settings.restart) or history.is_news(alert.key, now, settings.cooldown):
                found.alerts.append(alert)
    others = [
        *_busy(watched, known, settings),
        *_large(known, settings),
        *_not_ready(known, settings, now),
    ]
    found.alerts += [alert for alert in others if history.is_news(alert.key, now, settings.cooldown)]
    return found


def protected(pod: Pod, settings: GuardSettings) -> str:
    """Return why a pod is never restarted; empty when it may be."""
    kind = pod.owner.partition("/")[0]
    if pod.component in BACKING_KINDS or any(word in pod.name.lower() for word in STATEFUL):
        return "has data"
    if kind != "ReplicaSet":
        return f"made by a {kind}" if kind else "made by nobody who would make it anew"
    if pod.claims:
        return "has a volume of its own"
    if pod.never or matches(pod.workload.partition("/")[2], settings.never):
        return "is never to be restarted"
    return ""


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of those that patterns mean."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _overloaded(
    node: Node,
    pods: Sequence[Pod],
    settings: GuardSettings,
    history: History,
    now: datetime,
    left: int,
    taken: Set[str],
) -> Alert:
    """Return the alert of a node with too little memory, with what is restarted on it.

    ``taken`` are the workloads of which a pod is restarted on another node.
    """
    said = f"node {node.name}: memory {node.memory:.0f} %, above {settings.node_memory} %"
    key = f"node-memory/{node.name}"
    if history.rests(now, settings.cooldown, node=node.name):
        return Alert(key, f"{said}; pods were restarted on it less than {settings.cooldown} s ago")
    free = [pod for pod in pods if pod.workload not in taken]
    chosen = _heaviest(node, free, settings, history, now)
    if not chosen:
        return Alert(key, f"{said}; nothing on it may be restarted")
    count = min(len(chosen), settings.top, left)
    if not count:
        return Alert(
            key, f"{said}; {settings.per_hour} pods were restarted within the last hour, and no more are"
        )
    return Alert(key, said, tuple(chosen), count)


def _heaviest(
    node: Node, pods: Sequence[Pod], settings: GuardSettings, history: History, now: datetime
) -> list[Pod]:
    """Return the pods with most memory that may be restarted, one of each workload, so that others still answer."""
    found: dict[str, Pod] = {}
    for pod in sorted(_on(node, pods), key=lambda each: (-(each.memory or 0), each.id)):
        if pod.memory is None or pod.ending or pod.waiting_since or protected(pod, settings):
            continue
        if pod.workload not in found and not history.rests(now, settings.cooldown, workload=pod.workload):
            found[pod.workload] = pod
    return list(found.values())


def _busy(nodes: Sequence[Node], pods: Sequence[Pod], settings: GuardSettings) -> Iterable[Alert]:
    for node in sorted(nodes, key=lambda each: -each.cpu):
        if node.cpu > settings.node_cpu:
            most = sorted((p for p in _on(node, pods) if p.cpu), key=lambda each: (-(each.cpu or 0), each.id))
            lines = tuple(f"{pod.id}: {1000 * (pod.cpu or 0):.0f}m" for pod in most[: settings.top_cpu])
            text = f"node {node.name}: CPU {node.cpu:.0f} %, above {settings.node_cpu} %"
            yield Alert(f"node-cpu/{node.name}", text, lines=lines)


def _large(pods: Sequence[Pod], settings: GuardSettings) -> Iterable[Alert]:
    most = int(parse_quantity(settings.pod_memory))
    for pod in sorted(pods, key=lambda each: (-(each.memory or 0), each.id)):
        if (pod.memory or 0) > most:
            text = f"pod {pod.id} on {pod.node}: memory {mebibytes(pod.memory or 0)}, above {settings.pod_memory}"
            yield Alert(f"pod-memory/{pod.id}", text)


def _not_ready(pods: Sequence[Pod], settings: GuardSettings, now: datetime) -> Iterable[Alert]:
    for pod in sorted(pods, key=lambda each: each.id):
        if pod.waiting_since is None or pod.ending:
            continue
        if now - pod.waiting_since > timedelta(seconds=settings.not_ready):
            seconds = int((now - pod.waiting_since).total_seconds())
            where = f" on {pod.node}" if pod.node else ""
            text = f"pod {pod.id}{where}: not ready for {seconds} s ({pod.reason or 'unknown'})"
            yield Alert(f"pod-not-ready/{pod.id}", text)


def _on(node: Node, pods: Iterable[Pod]) -> list[Pod]:
    return [pod for pod in pods if pod.node == node.name]
