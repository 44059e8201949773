"""What every renderer needs to know beside its own spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from poscloud.render import names
from poscloud.spec import EnvironmentSpec

Outputs = Mapping[str, Mapping[str, str]]
"""Name of a service or backing service → its outputs ``host``, ``port``, ``url``."""


@dataclass(frozen=True)
class Context:
    """The environment around the part being rendered.

    Attributes:
        environment: The whole environment.
        outputs: Outputs of all its parts.
    """

    environment: EnvironmentSpec
    outputs: Outputs

    @property
    def namespace(self) -> str:
        """The namespace, which has the environment's name."""
        return self.environment.name

    def labels(self, name: str, kind: str) -> dict[str, str]:
        """Return the labels of every object that belongs to the part ``name``."""
        return names.labels(name, kind, self.namespace)

    def service_image(self, given: str | None, service: str, version: str) -> str:
        """Return the image of a service: the given one, or made from the pattern."""
        return given or self.environment.images.service.format(
            registry=self.environment.registry, environment=self.namespace, service=service, version=version
        )

    def backing_image(self, given: str | None, kind: str, version: str) -> str:
        """Return the image of a backing service: the given one, or made from the pattern."""
        return given or self.environment.images.backing.format(
            registry=self.environment.registry, environment=self.namespace, kind=kind, version=version
        )

    def sidecar_image(self, given: str | None, version: str) -> str:
        """Return the image of the Filebeat sidecar: the given one, or made from the pattern."""
        return given or self.environment.images.sidecar.format(
            registry=self.environment.registry, environment=self.namespace, version=version
        )
