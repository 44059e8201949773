"""NodeGuard: restarts what takes most memory on an overloaded node, and tells people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from poscloud.spec.base import Model, OnlySecretKey
from poscloud.spec.cronjob import CronJobSpec, Schedule
from poscloud.spec.references import Finding
from poscloud.spec.values import DAY, Quantity, Resources, resources

Percent = Annotated[StrictInt, Field(ge=1, le=1000)]
Pattern = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9.*?_\[\]!-]+$")]
"""A name with ``*`` and ``?`` in it, as a shell reads it."""


class Webhook(Model):
    """Where people are told."""

    kind: Literal["dingtalk", "json"] = Field(
        "dingtalk", description="A robot of a DingTalk group; or any server, which gets the alerts as JSON."
    )
    url: OnlySecretKey = Field(description="Its address, which has the robot's token in it.")
    sign: OnlySecretKey | None = Field(None, description="The robot's signing secret, SEC….")
    keyword: str = Field("", max_length=100, description="A word that the robot asks for in each message.")

    def model_post_init(self, _: object) -> None:
        """Refuse what only DingTalk has."""
        if self.kind == "json" and (self.sign or self.keyword):
            raise ValueError("sign and keyword are DingTalk's; leave them out")


class GuardSettings(Model):
    """When a node is overloaded, what may be restarted then, and how often."""

    restart: StrictBool = Field(
        False, description="Whether anything is restarted. Without it, it is only told what would be."
    )
    node_memory: Percent = Field(
        100,
        description="Memory of a node, in percent of what it has for pods, above which pods are restarted.",
    )
    node_cpu: Percent = Field(80, description="CPU of a node, in percent, above which it is told.")
    pod_memory: Quantity = Field("4096Mi", description="Memory of a pod above which it is told.")
    not_ready: StrictInt = Field(
        120, ge=1, le=DAY, description="Seconds after which a pod that is not ready is told."
    )
    top: StrictInt = Field(
        5, ge=1, le=100, description="Pods that are restarted at most on a node at a time."
    )
    top_cpu: StrictInt = Field(
        10, ge=1, le=100, description="Pods that are named of a node with too much CPU."
    )
    per_hour: StrictInt = Field(
        10, ge=1, le=1000, description="Pods that are restarted at most within an hour, in the whole cluster."
    )
    cooldown: StrictInt = Field(
        1800,
        ge=0,
        le=DAY,
        description="Seconds for which a node, and a workload, is left alone after a restart, and for which the same "
        "is not told again.",
    )
    skip_nodes: tuple[Pattern, ...] = Field(
        (), description="Nodes that are not looked at.", examples=[["master*", "node7"]]
    )
    skip_namespaces: tuple[Pattern, ...] = Field(
        ("kube-system",), description="Namespaces in which nothing is restarted or told."
    )
    never: tuple[Pattern, ...] = Field(
        (),
        description="Workloads that are never restarted, beside those that are protected anyway.",
        examples=[["*-quartz-*"]],
    )


class NodeGuardSpec(CronJobSpec, GuardSettings):
    """`poscloud node-guard` as a CronJob, as a service account of its own.

    Its rights are those of ClusterRole ``poscloud-node-guard`` (docs/access.md).
    """

    kind: Literal["node-guard"] = Field(
        "node-guard", description="Watches over nodes, and restarts what takes most memory."
    )
    image: str = Field(
        description="Image with poscloud.",
        examples=["harbor.example.com/ci/poscloud:0.7"],
    )
    webhooks: tuple[Webhook, ...] = Field(
        (), max_length=9, description="Where people are told; without any, only the job's log says it."
    )
    schedule: Schedule = Field(
        "*/2 * * * *", description="When it looks: a cron line, or @hourly, @daily and the like."
    )
    deadline: StrictInt = Field(
        300, ge=60, le=DAY, description="Seconds after which a look is ended; the next one goes on."
    )
    resources: Resources = Field(
        resources(cpu=("50m", "1"), memory=("64Mi", "512Mi")), description="CPU and memory of a look."
    )

    def settings(self) -> GuardSettings:
        """Return what the command gets to know."""
        return GuardSettings.model_validate(
            {name: getattr(self, name) for name in GuardSettings.model_fields}
        )

    def check(self) -> Iterator[Finding]:
        """Yield variables that the webhooks set."""
        yield from super().check()
        for number, _ in enumerate(self.webhooks, 1):
            for variable in (url_variable(number), sign_variable(number)):
                if variable in self.env:
                    message = f"env.{variable} is set by a field"
                    yield Finding(("env", variable), "managed-variable", message, "use webhooks")


def url_variable(number: int) -> str:
    """Return the variable with the address of a webhook, the first one being 1."""
    return f"NODE_GUARD_URL_{number}"


def sign_variable(number: int) -> str:
    """Return the variable with its signing secret."""
    return f"NODE_GUARD_SIGN_{number}"
