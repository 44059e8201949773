"""What all components of services and backing services do: render, create, order, export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import pulumi

from poscloud.components.environment import Environment
from poscloud.components.registration import PlainComponent
from poscloud.components.registry import PARTS
from poscloud.spec import ServiceSpec
from poscloud.spec.release import summary

SpecT = TypeVar("SpecT")

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})


class Part(PlainComponent, Generic[SpecT]):
    """One service or backing service of an environment.

    A subclass names its spec and its kind in the language: ``class Redis(Part[RedisSpec], kind="redis")``.

    Args:
        name: Name of the Service and the workload.
        spec: The description.
        environment: The environment it belongs to.
        opts: Pulumi's options for the component.
    """

    group = "services"
    """Where its spec stands in the environment's: ``services`` or ``backing``."""

    outputs: Mapping[str, str]
    """What it offers to others: ``host``, ``port``, ``url``, and ``secret``, the name of the Secret with its
    password, where it has one. Empty without a port."""

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if kind:
            PARTS[kind] = cls

    def __init__(
        self, name: str, spec: SpecT, *, environment: Environment, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=environment), opts)
        super().__init__(f"poscloud:index:{type(self).__name__}", name, {}, options)
        environment.include(self.group, name, spec)
        self.outputs = environment.outputs[name]
        self.workloads: list[pulumi.CustomResource] = []
        if isinstance(spec, ServiceSpec) and (released := summary(spec)):
            pulumi.log.info(released, self)  # every preview says how a version takes over
        self._create(name, environment)
        environment.parts[name] = self

    @property
    def host(self) -> str:
        """Full DNS name of its Service."""
        return self.outputs["host"]

    @property
    def port(self) -> int:
        """TCP port of its Service."""
        return int(self.outputs["port"])

    @property
    def url(self) -> str:
        """What clients are configured with."""
        return self.outputs["url"]

    def _create(self, name: str, environment: Environment) -> None:
        part = environment.render(name)
        there = [environment.parts[other] for other in sorted(part.after) if other in environment.parts]
        gates = [workload for other in there for workload in other.workloads]
        made: list[pulumi.Resource] = [*environment.base]
        for manifest in filter(environment.choice.declares, part.manifests):
            is_workload = manifest["kind"] in WORKLOADS
            # Its configuration is there before a workload's pods look for it; only workloads wait for others, and
            # a Service that comes after one: it is pointed at pods that are ready (render/release.py).
            waits = is_workload or (manifest["kind"] == "Service" and self.workloads)
            after = [*made, *gates] if waits else [*environment.base]
            resource = environment.create(manifest, self, after)
            made.append(resource)
            if is_workload:
                self.workloads.append(resource)
