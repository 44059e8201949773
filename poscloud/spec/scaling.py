"""How many pods a service has when its load decides (HorizontalPodAutoscaler)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, StrictInt, model_validator

from poscloud.spec.base import Model
from poscloud.spec.references import Finding

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec


class Autoscale(Model):
    """As many pods as their load asks for; needs metrics-server in the cluster.

    The load is a percentage of what the containers *request*, not of their limits, averaged over all pods.
    """

    min: StrictInt = Field(ge=1, le=1000, description="Fewest pods.")
    max: StrictInt = Field(ge=1, le=1000, description="Most pods.")
    cpu: StrictInt | None = Field(
        70,
        ge=1,
        le=10000,
        description="CPU to aim at, in percent of what is requested; null: CPU does not count.",
    )
    memory: StrictInt | None = Field(
        None,
        ge=1,
        le=10000,
        description="Memory to aim at, in percent of what is requested. A JVM seldom gives memory back, so that "
        "such a service grows and hardly shrinks.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.max < self.min:
            raise ValueError(f"max {self.max} is less than min {self.min}")
        if self.cpu is None and self.memory is None:
            raise ValueError("nothing to scale by: give cpu or memory, in percent")
        return self


def check_autoscalers(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each autoscaler that cannot do its work, or does another than `replicas` says.

    Of a service with two Deployments it would see one.
    """
    findings = [
        Finding(
            ("services", name, "replicas"),
            "bad-replicas",
            f"autoscale decides how many pods there are, {service.autoscale.min} to {service.autoscale.max}, and "
            f"replicas {service.replicas} would have no effect",
            "leave replicas out, or autoscale",
        )
        for name, service in spec.services.items()
        if service.autoscale
        and "replicas" in service.model_fields_set
        and not service.autoscale.min <= service.replicas <= service.autoscale.max
    ]
    return findings + [
        Finding(
            ("services", name, "autoscale"),
            "bad-release",
            f"a {service.release.strategy} release counts its pods itself, so that no autoscaler may",
            "release by rolling, or give replicas instead of autoscale",
        )
        for name, service in spec.services.items()
        if service.autoscale and service.release and service.release.strategy != "rolling"
    ]
