"""Monitoring: alerts and a dashboard of one environment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictInt

from poscloud.spec.base import Model
from poscloud.spec.lifetime import Duration

Percent = Annotated[StrictInt, Field(ge=1, le=100)]


class MonitoringSpec(Model):
    """Rules for Prometheus and a dashboard for Grafana, as ConfigMaps that their sidecars load.

    The metrics are those of the kubelet (cAdvisor) and of kube-state-metrics.
    """

    rule_labels: dict[str, str] = Field(
        {"prometheus_rule": "1"}, description="Labels by which Prometheus' sidecar finds the rules."
    )
    dashboard_labels: dict[str, str] = Field(
        {"grafana_dashboard": "1"}, description="Labels by which Grafana's sidecar finds the dashboard."
    )
    folder: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Grafana's folder for it (annotation `grafana_folder`).",
        examples=["environments"],
    )
    alert_labels: dict[str, str] = Field(
        {"severity": "warning"},
        description="Labels of every alert, by which Alertmanager chooses whom to tell.",
        examples=[{"severity": "critical", "team": "payments"}],
    )
    memory: Percent = Field(90, description="Percent of a container's memory limit.")
    cpu: Percent = Field(90, description="Percent of a container's CPU limit, for a quarter of an hour.")
    restarts: StrictInt = Field(
        3, ge=1, le=1000, description="Restarts of a container within a quarter of an hour."
    )
    not_ready: Duration = Field("10m", description="How long a pod may not be ready.")
    down: Duration = Field("5m", description="How long a service may have no ready pod.")
    volume: Percent = Field(90, description="Percent of a volume's space.")
    quota: Percent = Field(95, description="Percent of the namespace's quota.")


def _all_defaults(value: object) -> object:
    return {} if value is True else value


MonitoringChoice = Annotated[
    MonitoringSpec | Literal[False],
    BeforeValidator(_all_defaults, json_schema_input_type=bool | MonitoringSpec),
]
"""``true`` for the defaults, ``false`` for none."""
