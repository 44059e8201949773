"""What services and backing services share: the parts of an environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from poscloud.spec.base import DnsName, Name
from poscloud.spec.references import OUTPUTS, Finding, Path
from poscloud.spec.values import WithResources

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec

Overrides = dict[str, dict[str, Any]]
"""Kind → patch of the rendered manifest of that kind; the last way out."""


@dataclass(frozen=True)
class Need:
    """Another part of the environment that must be there, and be ready first.

    Attributes:
        path: Where it is named, inside the part that needs it.
        name: The other part's name.
        kind: The kind it must have; ``None``: any.
    """

    path: Path
    name: str
    kind: str | None = None


class PartSpec(WithResources):
    """The fields and questions that every part of an environment has."""

    image: str | None = Field(
        None, description="Image with its tag; left out, made from the environment's `images` pattern."
    )
    node_selector: dict[str, str] | None = Field(
        None, description="Labels a node must have; left out, the environment's."
    )
    pool: Name | None = Field(
        None, description="Node pool, one of the environment's `node_pools`; left out, the environment's."
    )
    priority: DnsName | None = Field(
        None,
        description="PriorityClass of the pods: one of the environment's `priority_classes`, or of the cluster; left "
        "out, the environment's.",
    )
    overrides: Overrides = Field(
        {},
        description="Patch of rendered manifests by kind, applied last: maps are merged, lists of named things "
        "are merged by name, null removes.",
        examples=[{"Deployment": {"spec": {"minReadySeconds": 5}}}],
    )

    def needs(self) -> Iterator[Need]:
        """Yield the other parts that this one names outside its variables."""
        yield from ()

    def check_among(self, name: str, environment: EnvironmentSpec) -> Iterator[Finding]:
        """Yield what does not fit with other parts, beside what it needs; paths begin inside this part.

        Args:
            name: This part's name.
            environment: Everything that is described; also parts with mistakes of their own.
        """
        yield from ()

    def offered(self) -> tuple[str, ...]:
        """Return the outputs that others may refer to as ``${name.output}``."""
        return OUTPUTS

    def check(self) -> Iterator[Finding]:
        """Yield what is wrong between fields, where a validator could not name the one place to change.

        The findings' paths begin in this part.
        """
        yield from ()
