"""A dashboard for Grafana: CPU, memory, network and restarts of an environment, by service, by pod."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from poscloud.render.monitoring import queries

SCHEMA = 39
"""Grafana 11's version of the format; later ones read it."""

LONGEST_UID = 40
"""Characters (Grafana)."""

WINDOW = "$__rate_interval"
WIDTH, HEIGHT = 12, 8
"""Of a panel; the whole is 24 wide."""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Panel = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """What one panel shows.

    Attributes:
        title: Its title.
        unit: Grafana's name of the unit.
        queries: Query → legend.
    """

    title: str
    unit: str
    queries: dict[str, str]


def dashboard_text(namespace: str) -> str:
    """Return the dashboard of one environment as JSON."""
    return json.dumps(dashboard(namespace), indent=1, sort_keys=True) + "\n"


def dashboard(namespace: str) -> dict[str, Any]:
    """Return the dashboard of one environment."""
    return {
        "uid": _uid(namespace),
        "title": f"poscloud: {namespace}",
        "tags": ["poscloud", namespace],
        "editable": False,
        "schemaVersion": SCHEMA,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables(namespace)},
        "panels": list(_panels(namespace)),
    }


def _uid(namespace: str) -> str:
    """Return what the address of the dashboard ends with, the same for each ``up``."""
    uid = f"poscloud-{namespace}"
    digest = hashlib.sha256(namespace.encode()).hexdigest()[:8]
    return uid if len(uid) <= LONGEST_UID else f"{uid[: LONGEST_UID - 9]}-{digest}"


def figures(namespace: str) -> dict[str, list[Figure]]:
    """Return title of a row → its panels."""
    return {
        "Environment": _of_environment(namespace),
        "Services": _of_services(namespace),
        "Pods": _of_pods(namespace),
    }


def _of_environment(namespace: str) -> list[Figure]:
    ready = f'kube_pod_status_ready{{namespace="{namespace}",condition="true"}}'
    pods = {f"sum({ready})": "ready", f"sum({queries.restarts(namespace)})": "restarts within 1 h"}
    return [
        Figure("CPU", "cores", {f"sum({queries.cpu(namespace, window=WINDOW)})": "in use"}),
        Figure("Memory", "bytes", {f"sum({queries.memory(namespace)})": "in use"}),
        Figure("Network", "Bps", _network("sum({})", namespace, "", "")),
        Figure("Pods", "short", pods),
    ]


def _of_services(namespace: str) -> list[Figure]:
    def recorded(name: str) -> str:
        return f'namespace_service:{name}{{namespace="{namespace}",service=~"$service"}}'

    network = {
        recorded(f"container_network_{way}_bytes:rate5m"): f"{{{{service}}}} {way}"
        for way in ("receive", "transmit")
    }
    name = "{{service}}"
    return [
        Figure("CPU", "cores", {recorded("container_cpu_usage_seconds:rate5m"): name}),
        Figure("Memory", "bytes", {recorded("container_memory_working_set_bytes:sum"): name}),
        Figure("Network", "Bps", network),
        Figure("Restarts within 1 h", "short", {recorded("kube_pod_container_restarts:increase1h"): name}),
    ]


def _of_pods(namespace: str) -> list[Figure]:
    mine, shape, name = ',pod=~"$pod"', "sum by (pod) ({})", "{{pod}}"
    return [
        Figure("CPU", "cores", {shape.replace("{}", queries.cpu(namespace, mine, WINDOW)): name}),
        Figure("Memory", "bytes", {shape.replace("{}", queries.memory(namespace, mine)): name}),
        Figure("Network", "Bps", _network(shape, namespace, mine, f"{name} ")),
        Figure(
            "Restarts within 1 h", "short", {shape.replace("{}", queries.restarts(namespace, mine)): name}
        ),
    ]


def _network(shape: str, namespace: str, more: str, legend: str) -> dict[str, str]:
    return {
        shape.replace("{}", queries.network(way, namespace, more, WINDOW)): f"{legend}{way}"
        for way in ("receive", "transmit")
    }


def _panels(namespace: str) -> Iterator[Panel]:
    number, y = 0, 0
    for title, row in figures(namespace).items():
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": _at(0, y, 24, 1),
        }
        y += 1
        for index, figure in enumerate(row):
            number += 1
            place = _at(index % 2 * WIDTH, y + index // 2 * HEIGHT, WIDTH, HEIGHT)
            yield _panel(number, figure, place)
        y += (len(row) + 1) // 2 * HEIGHT


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(number: int, figure: Figure, place: dict[str, int]) -> Panel:
    targets = [
        {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query, "legendFormat": legend}
        for index, (query, legend) in enumerate(figure.queries.items())
    ]
    return {
        "id": number,
        "type": "timeseries",
        "title": figure.title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": figure.unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": targets,
    }


def _variables(namespace: str) -> list[dict[str, Any]]:
    recorded = f'namespace_service:container_memory_working_set_bytes:sum{{namespace="{namespace}"}}'
    pods = f'kube_pod_info{{namespace="{namespace}",pod=~"($service)-.+"}}'
    asked = {"service": f"label_values({recorded}, service)", "pod": f"label_values({pods}, pod)"}
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return [source, *(_choice(name, query) for name, query in asked.items())]


def _choice(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": ["All"], "value": ["$__all"]},
    }
