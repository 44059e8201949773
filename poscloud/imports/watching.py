"""Monitoring and the access of teams, read off what an environment has for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from poscloud.imports.pods import given
from poscloud.imports.source import Source
from poscloud.render import Manifest, names
from poscloud.render.monitoring import DASHBOARD, KIND, RULES
from poscloud.render.teams import may_of, rules
from poscloud.spec.teams import ACCOUNT_PREFIX

_BOUNDS = {
    "memory": "PodMemoryHigh",
    "cpu": "PodCpuHigh",
    "restarts": "PodRestarting",
    "volume": "VolumeFull",
    "quota": "QuotaNearlyUsed",
}
"""Field → the alert whose query ends with it."""
_TIMES = {"not_ready": "PodNotReady", "down": "DeploymentDown"}
"""Field → the alert that waits as long."""


def access(source: Source) -> dict[str, dict[str, Any]]:
    """Return the teams that have a service account with just the rights that poscloud gives, and what they may."""
    found = {}
    for item in source.kind("ServiceAccount"):
        name = item["metadata"]["name"]
        role = source.get("Role", name)
        if not (name.startswith(ACCOUNT_PREFIX) and role and source.get("RoleBinding", name)):
            continue
        has = role.get("rules")
        if not isinstance(has, list):
            continue
        may = may_of(role)
        if _sorted(has) == _sorted(rules(may)):
            found[name.removeprefix(ACCOUNT_PREFIX)] = {"may": list(may)}
    return found


def _sorted(given: list[Manifest]) -> list[str]:
    return sorted(yaml.safe_dump(rule) for rule in given)


def monitoring(source: Source) -> dict[str, Any] | None:
    """Return what the rules and the dashboard of an environment say; ``None`` where it has none that can be read."""
    item, dashboard = source.get("ConfigMap", RULES), source.get("ConfigMap", DASHBOARD)
    alerts = dict(_alerts(source))
    if item is None or dashboard is None or not alerts:
        return None
    labels = [alert.get("labels") for alert in alerts.values()]
    annotations = dashboard["metadata"].get("annotations") or {}
    return {
        "rule_labels": _own_labels(item),
        "dashboard_labels": _own_labels(dashboard),
        "alert_labels": labels[0] or {},
        **given(folder=annotations.get("grafana_folder")),
        **{field: number for field, name in _BOUNDS.items() if (number := _bound(alerts.get(name)))},
        **{field: alerts[name]["for"] for field, name in _TIMES.items() if "for" in alerts.get(name, {})},
    }


def _alerts(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the alerts of the rules by their names."""
    for text in source.data(RULES).values():
        try:
            groups = (yaml.safe_load(text) or {}).get("groups") or []
            for rule in [rule for group in groups for rule in group.get("rules") or []]:
                if isinstance(rule.get("alert"), str):
                    yield rule["alert"], rule
        except (yaml.YAMLError, AttributeError, TypeError):
            return  # no file of rules: it stays without a component


def _own_labels(item: Manifest) -> dict[str, str]:
    """Return the labels that sidecars find a ConfigMap by: also those that elsewhere say only what it is called."""
    labels = item["metadata"].get("labels") or {}
    others = names.labels(KIND, KIND, "").keys()
    return {k: v for k, v in labels.items() if k not in others and not k.startswith(f"{names.PROJECT}.io/")}


def _bound(alert: dict[str, Any] | None) -> int | None:
    """Return the number that a query ends with."""
    found = re.search(r">=? (\d+)$", str((alert or {}).get("expr")))
    return int(found[1]) if found else None
