"""Component of what watches an environment."""

from __future__ import annotations

import pulumi

from poscloud.components.environment import Environment
from poscloud.components.registration import PlainComponent
from poscloud.render.context import Context
from poscloud.render.environment import stack_mark
from poscloud.render.manifest import stamp
from poscloud.render.monitoring import KIND, render_monitoring
from poscloud.spec import MonitoringSpec


class Monitoring(PlainComponent):
    """Rules for Prometheus and a dashboard for Grafana of one environment: two ConfigMaps.

    Args:
        spec: The description.
        environment: The environment they are about.
        opts: Pulumi's options for the component.
    """

    def __init__(
        self, spec: MonitoringSpec, *, environment: Environment, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=environment), opts)
        super().__init__("poscloud:index:Monitoring", KIND, {}, options)
        made = render_monitoring(Context(environment.spec, environment.outputs), spec)
        for manifest in stamp(made, stack_mark(environment.spec, environment.project)):
            environment.create(manifest, self, [environment.namespace])
