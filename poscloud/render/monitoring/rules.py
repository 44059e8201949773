"""Rules for Prometheus: figures of each service, and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poscloud.render.manifest import config_yaml
from poscloud.render.monitoring import queries
from poscloud.spec.monitoring import MonitoringSpec

POD = "pod {{ $labels.pod }} of {{ $labels.namespace }}"
LOOK = "kubectl -n {{ $labels.namespace }} describe pod {{ $labels.pod }}"


@dataclass(frozen=True)
class Alert:
    """One alert.

    Attributes:
        name: Its name.
        when: The query; what it returns is told.
        lasts: For how long it has to be so.
        summary: One line, in Prometheus' template language.
        look: What to look at first.
    """

    name: str
    when: str
    lasts: str
    summary: str
    look: str = LOOK


def rules_text(namespace: str, spec: MonitoringSpec) -> str:
    """Return the file of rules of one environment."""
    groups = [
        {"name": f"poscloud.{namespace}.services", "rules": _records(namespace)},
        {"name": f"poscloud.{namespace}.alerts", "rules": [_rule(a, spec) for a in alerts(namespace, spec)]},
    ]
    return config_yaml({"groups": groups}, width=10_000)


def _records(namespace: str) -> list[dict[str, Any]]:
    """Return what is computed once for all who ask: by service, not by pod."""
    found = {
        "container_cpu_usage_seconds:rate5m": queries.cpu(namespace),
        "container_memory_working_set_bytes:sum": queries.memory(namespace),
        "container_network_receive_bytes:rate5m": queries.network("receive", namespace),
        "container_network_transmit_bytes:rate5m": queries.network("transmit", namespace),
        "kube_pod_container_restarts:increase1h": queries.restarts(namespace),
    }
    return [
        {"record": f"namespace_service:{name}", "expr": queries.by_service(query)}
        for name, query in found.items()
    ]


def alerts(namespace: str, spec: MonitoringSpec) -> list[Alert]:
    """Return the alerts of one environment."""
    mine = f'namespace="{namespace}"'
    return [*_of_containers(namespace, spec), *_of_pods(mine, spec), *_of_room(mine, spec)]


def _of_containers(namespace: str, spec: MonitoringSpec) -> list[Alert]:
    by = "sum by (namespace, pod, container)"
    memory = f"{by} ({queries.memory(namespace)}) / {queries.limit('memory', namespace)}"
    cpu = f"{by} ({queries.cpu(namespace)}) / {queries.limit('cpu', namespace)}"
    restarts = queries.restarts(namespace, window="15m")
    share = '{{ $value | printf "%.0f" }} %'
    return [
        Alert(
            "PodMemoryHigh",
            f"100 * {memory} > {spec.memory}",
            "5m",
            f"{POD}: container {{{{ $labels.container }}}} has {share} of its memory limit",
        ),
        Alert(
            "PodCpuHigh",
            f"100 * {cpu} > {spec.cpu}",
            "15m",
            f"{POD}: container {{{{ $labels.container }}}} has {share} of its CPU limit",
        ),
        Alert(
            "PodRestarting",
            # What increase() makes of whole numbers is a little more or less.
            f"round(max by (namespace, pod, container) ({restarts})) >= {spec.restarts}",
            "0m",
            f"{POD}: container {{{{ $labels.container }}}} was restarted {{{{ $value }}}} times within 15 minutes",
            "kubectl -n {{ $labels.namespace }} logs {{ $labels.pod }} -c {{ $labels.container }} --previous",
        ),
    ]


def _of_pods(mine: str, spec: MonitoringSpec) -> list[Alert]:
    ready = f'min by (namespace, pod) (kube_pod_status_ready{{{mine},condition="true"}})'
    runs = f'kube_pod_status_phase{{{mine},phase=~"Pending|Running|Unknown"}} == 1'
    return [
        Alert(
            "PodNotReady",
            f"{ready} == 0 and on (namespace, pod) ({runs})",
            spec.not_ready,
            f"{POD} is not ready for {spec.not_ready}",
        ),
        # A service that sleeps wants no pods.
        _down(
            "Deployment",
            "kube_deployment_status_replicas_available",
            "kube_deployment_spec_replicas",
            mine,
            spec,
        ),
        _down(
            "StatefulSet", "kube_statefulset_status_replicas_ready", "kube_statefulset_replicas", mine, spec
        ),
    ]


def _down(kind: str, ready: str, wanted: str, mine: str, spec: MonitoringSpec) -> Alert:
    label = kind.lower()
    by, name = f"by (namespace, {label})", f"{{{{ $labels.{label} }}}}"
    return Alert(
        f"{kind}Down",
        f"max {by} ({ready}{{{mine}}}) == 0 and max {by} ({wanted}{{{mine}}}) > 0",
        spec.down,
        f"{kind} {name} of {{{{ $labels.namespace }}}} has no ready pod for {spec.down}",
        f"kubectl -n {{{{ $labels.namespace }}}} describe {label} {name}",
    )


def _of_room(mine: str, spec: MonitoringSpec) -> list[Alert]:
    by = "max by (namespace, persistentvolumeclaim)"
    used, capacity = (f"{by} (kubelet_volume_stats_{what}_bytes{{{mine}}})" for what in ("used", "capacity"))
    quota = "max by (namespace, resource) (kube_resourcequota{" + mine + ',type="TYPE"})'
    share = '{{ $value | printf "%.0f" }} %'
    return [
        Alert(
            "VolumeFull",
            f"100 * {used} / {capacity} > {spec.volume}",
            "10m",
            f"claim {{{{ $labels.persistentvolumeclaim }}}} of {{{{ $labels.namespace }}}} is {share} full",
            "kubectl -n {{ $labels.namespace }} get pvc {{ $labels.persistentvolumeclaim }}",
        ),
        Alert(
            "QuotaNearlyUsed",
            f"100 * {quota.replace('TYPE', 'used')} / ({quota.replace('TYPE', 'hard')} > 0) > {spec.quota}",
            "15m",
            f"quota of {{{{ $labels.namespace }}}}: {share} of {{{{ $labels.resource }}}} is used",
            "kubectl -n {{ $labels.namespace }} describe resourcequota",
        ),
    ]


def _rule(alert: Alert, spec: MonitoringSpec) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.when,
        **({"for": alert.lasts} if alert.lasts != "0m" else {}),
        "labels": dict(spec.alert_labels),
        "annotations": {"summary": alert.summary, "description": f"Look at it: {alert.look}"},
    }
