"""LimitRangeSpec: what a container gets that asks for nothing, and the most one may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from poscloud.spec.base import Model
from poscloud.spec.references import Finding
from poscloud.spec.values import Amounts, parse_quantity

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec


class LimitRangeSpec(Model):
    """What a container gets that asks for nothing, and the most it may ask for (LimitRange)."""

    default: Amounts = Field(Amounts(cpu="1", memory="512Mi"), description="Default limits.")
    default_request: Amounts = Field(Amounts(cpu="50m", memory="128Mi"), description="Default requests.")
    max: Amounts = Field(Amounts(), description="Largest limits; empty, no bound.")

    def limit(self, resource: str) -> str | None:
        """Return the limit of a container without one: the default, which the API server takes from ``max`` too."""
        return getattr(self.default, resource, None) or getattr(self.max, resource, None)

    def request(self, resource: str) -> str | None:
        """Return the request of a container without one, and without a limit."""
        return getattr(self.default_request, resource, None) or self.limit(resource)


def check_limits(spec: EnvironmentSpec) -> list[Finding]:
    """Return a finding for each default that is above what bounds it, which the API server would refuse."""
    if spec.limits is None:
        return []
    findings = []
    for lower, upper in (("default_request", "default"), ("default", "max"), ("default_request", "max")):
        for resource in ("cpu", "memory"):
            amount = getattr(getattr(spec.limits, lower), resource)
            bound = getattr(getattr(spec.limits, upper), resource)
            if amount and bound and parse_quantity(amount) > parse_quantity(bound):
                given = lower in spec.limits.model_fields_set
                first, second = (lower, upper) if given else (upper, lower)
                more = "more" if given else "less"
                values = (amount, bound) if given else (bound, amount)
                message = f"limits.{first}.{resource} {values[0]} is {more} than limits.{second}.{resource} {values[1]}"
                where = ("limits", first, resource)
                findings.append(Finding(where, "bad-limits", message, "default_request <= default <= max"))
    return findings
