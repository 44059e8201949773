"""Subsystem: several containers in one pod, which share its network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StringConstraints, field_validator, model_validator

from poscloud.spec.base import EnvName, MountPath, Name
from poscloud.spec.kubernetes import check_image, check_tag
from poscloud.spec.part import Need
from poscloud.spec.pythonrun import PythonRun
from poscloud.spec.references import Finding, Path, nearest
from poscloud.spec.service import EnvValue, Probes, ServiceSpec
from poscloud.spec.values import DAY, Resources, WithResources, resources

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec

PortName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]*-?[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=15)
]
"""What the API takes as a port's name: at most 15 characters, one of them a letter."""

Port = Annotated[StrictInt, Field(ge=1, le=65535)]

_RESOURCES = resources(cpu=("50m", "1"), memory=("128Mi", "512Mi"))


class ContainerSpec(WithResources):
    """One container of a subsystem's pod."""

    image: str | None = Field(
        None,
        description="Image; left out, the subsystem's, else made from the environment's `images.service` with the "
        "container's name (of a Python program: its repository's).",
    )
    version: str | None = Field(None, description="Tag in the image pattern; left out, the subsystem's.")
    ports: dict[PortName, Port] = Field(
        {}, description="TCP ports by name, which the Service exposes.", examples=[{"http": 8080}]
    )
    health_port: Port | None = Field(
        None,
        description="Port for the probes; left out, the first of `ports`. The Service does not expose it.",
    )
    env: dict[EnvName, EnvValue] = Field({}, description="Variables, beside and over the subsystem's.")
    uses: tuple[Name, ...] = Field((), description="What it needs, beside the subsystem's `uses`.")
    command: tuple[str, ...] = Field((), description="Command; left out, the image's own.")
    python: PythonRun | None = Field(
        None, description="A Python program instead, as of a service of kind python."
    )
    resources: Resources = Field(_RESOURCES, description="CPU and memory; left out, the subsystem's.")
    probes: Probes | None = Field(None, description="When its port is asked; left out, the subsystem's.")
    logs_path: MountPath | None = Field(
        None, description="Folder of its log files, told to it as LOG_DIR; left out, it has none."
    )
    all_logs: StrictBool = Field(
        False, description="See every container's log files at `logs_path`, in a folder for each container."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.command and self.python:
            raise ValueError("command and python both say what runs; give one")
        if self.all_logs and not self.logs_path:
            raise ValueError("all_logs needs logs_path, the folder where they are seen")
        return self

    def probe_port(self) -> int | None:
        """Return the port that the probes connect to."""
        return self.health_port or next(iter(self.ports.values()), None)

    def check_ports(self) -> Iterator[tuple[Path, int]]:
        """Yield every port it listens on, with its place."""
        yield from ((("ports", name), port) for name, port in self.ports.items())
        if self.health_port and self.health_port not in self.ports.values():
            yield ("health_port",), self.health_port


class SubsystemSpec(ServiceSpec):
    """Several containers in one pod that reach each other at 127.0.0.1 (document 003, pods of several containers)."""

    kind: Literal["subsystem"] = Field("subsystem", description="Several containers in one pod.")
    default_user: ClassVar[int | Literal["image"]] = 1001  # that of s2i's images
    default_writable_root: ClassVar[bool] = True
    port: None = Field(None, description="Not here: each container names its `ports`.")
    containers: dict[Name, ContainerSpec] = Field(min_length=1, description="Containers by name.")
    main: Name | None = Field(
        None,
        description="Container whose first port others mean by `port` and `url`; left out, the first one.",
    )
    image: str | None = Field(None, description="Image of every container that names none.")
    resources: Resources = Field(
        _RESOURCES, description="CPU and memory of every container that says nothing."
    )
    grace_period: StrictInt | None = Field(
        None, ge=0, le=7 * DAY, description="Seconds to stop in; left out, 300 with a Celery worker, else 40."
    )

    @field_validator("port", mode="before")
    @classmethod
    def _ports_are_the_containers(cls, port: object) -> object:
        if port is not None:
            raise ValueError("a subsystem has no port; give its containers `ports: {NAME: PORT}`")
        return port

    def ordered(self) -> dict[str, ContainerSpec]:
        """Return the containers, the main one first."""
        main = self.main if self.main in self.containers else next(iter(self.containers))
        return {main: self.containers[main], **self.containers}

    def ports(self) -> dict[str, int]:
        """Return the ports of the Service by name, those of the main container first."""
        return {name: port for item in self.ordered().values() for name, port in item.ports.items()}

    def _missing_port(self) -> str:
        main = next(iter(self.ordered()))
        return f"the first port of the containers, which have none; give containers.{main}.ports"

    def needs(self) -> Iterator[Need]:
        """Yield what it uses, and what its containers use."""
        yield from super().needs()
        for name, item in self.containers.items():
            yield from (Need(("containers", name, "uses", i), used) for i, used in enumerate(item.uses))

    def referring(self) -> Iterator[tuple[Path, str]]:
        """Yield every text that may have references, with its place."""
        yield from super().referring()
        for name, item in self.containers.items():
            for variable, value in item.env.items():
                if isinstance(value, str):
                    yield ("containers", name, "env", variable), value

    def check(self) -> Iterator[Finding]:
        """Yield ports that two listen on, a main container that is not there, and wrong images and programs."""
        if self.main and self.main not in self.containers:
            message = f"'{self.main}' names no container"
            yield Finding(("main",), "unknown-reference", message, nearest(self.main, self.containers))
        yield from self._port_conflicts()
        for name, item in self.containers.items():
            where: Path = ("containers", name)
            yield from check_image(item.image, (*where, "image"))
            if item.version is not None:
                yield from check_tag(item.version, (*where, "version"))
            if item.python:
                port = next(iter(item.ports.values()), None)
                at: Path = (*where, "ports") if item.ports else where
                yield from item.python.check_run([*self.env, *item.env], port, at, (*where, "env"))
                yield from item.python.check_beat(self)

    def _port_conflicts(self) -> Iterator[Finding]:
        """Yield the second of two that listen on one port, or whose ports have one name."""
        taken: dict[int, str] = {}
        names: dict[str, str] = {}
        for name, item in self.containers.items():
            for path, port in item.check_ports():
                owner = f"{name}.{'.'.join(map(str, path))}"
                where: Path = ("containers", name, *path)
                if port in taken:
                    message = f"{owner}: port {port} is {taken[port]} already; all containers of a pod share its ports"
                    yield Finding(where, "port-conflict", message, "give one of them another port")
                taken.setdefault(port, owner)
            for port_name in item.ports:
                if port_name in names:
                    message = f"container '{names[port_name]}' has a port '{port_name}' already"
                    hint = "the Service exposes each by its name: choose another"
                    yield Finding(
                        ("containers", name, "ports", port_name), "duplicate-port-name", message, hint
                    )
                names.setdefault(port_name, name)

    def check_among(self, name: str, environment: EnvironmentSpec) -> Iterator[Finding]:
        """Yield a container that is called like the log shipping sidecar."""
        yield from super().check_among(name, environment)
        sidecar = environment.filebeat_of(self)
        if sidecar and "filebeat" in self.containers:
            message = "the log shipping sidecar is called 'filebeat'"
            yield Finding(("containers", "filebeat"), "duplicate-name", message, "choose another name")
