"""What watches an environment from outside: rules for Prometheus, a dashboard for Grafana."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.render.monitoring.dashboard import dashboard_text
from poscloud.render.monitoring.rules import rules_text
from poscloud.spec.monitoring import MonitoringSpec

KIND = "monitoring"
RULES = "monitoring-rules"
DASHBOARD = "monitoring-dashboard"


def render_monitoring(context: Context, spec: MonitoringSpec) -> list[Manifest]:
    """Return the two ConfigMaps; their files are named after the environment, as sidecars put all into one folder."""
    labels = context.labels(KIND, KIND)
    rules = {f"poscloud-{context.namespace}.rules.yaml": rules_text(context.namespace, spec)}
    dashboard = {f"poscloud-{context.namespace}.json": dashboard_text(context.namespace)}
    return [
        manifest(
            "v1",
            "ConfigMap",
            RULES,
            namespace=context.namespace,
            labels={**labels, **spec.rule_labels},
            data=rules,
        ),
        manifest(
            "v1",
            "ConfigMap",
            DASHBOARD,
            namespace=context.namespace,
            labels={**labels, **spec.dashboard_labels},
            annotations={"grafana_folder": spec.folder} if spec.folder else None,
            data=dashboard,
        ),
    ]
