"""MongoDB."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from poscloud.spec.stateful import StatefulSpec
from poscloud.spec.values import Resources, resources


class MongoSpec(StatefulSpec):
    """A single MongoDB."""

    least_memory: ClassVar[str] = "256Mi"
    kind: Literal["mongo"] = Field("mongo", description="MongoDB.")
    version: str = Field("3.6.4", description="Version, the tag in the image pattern.")
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("512Mi", "2Gi")), description="CPU, memory."
    )
