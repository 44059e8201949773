"""Component of a team's access."""

from __future__ import annotations

import pulumi

from poscloud.components.environment import Environment
from poscloud.components.registration import PlainComponent
from poscloud.render.context import Context
from poscloud.render.environment import stack_mark
from poscloud.render.manifest import stamp
from poscloud.render.teams import render_team
from poscloud.spec import TeamAccessSpec


class TeamAccess(PlainComponent):
    """What a team may do by itself in one environment: ServiceAccount, Role, RoleBinding.

    Args:
        team: The team's name.
        spec: The description.
        environment: The environment it is for.
        opts: Pulumi's options for the component.
    """

    def __init__(
        self,
        team: str,
        spec: TeamAccessSpec,
        *,
        environment: Environment,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=environment), opts)
        super().__init__("poscloud:index:TeamAccess", team, {}, options)
        environment.include("access", team, spec)
        context = Context(environment.spec, environment.outputs)
        labels = context.labels(environment.spec.name, "environment")
        made = render_team(context.namespace, team, spec.may, labels)
        for manifest in stamp(made, stack_mark(environment.spec, environment.project)):
            environment.create(manifest, self, [environment.namespace])
