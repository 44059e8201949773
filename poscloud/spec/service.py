"""What all services (applications) share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from poscloud.spec.base import EnvName, Model, MountPath, Name, SecretKey
from poscloud.spec.filebeat import FilebeatSidecar
from poscloud.spec.part import Need, PartSpec
from poscloud.spec.ports import NODE_PORTS
from poscloud.spec.references import OUTPUTS, Path
from poscloud.spec.release import Release
from poscloud.spec.scaling import Autoscale
from poscloud.spec.values import DAY, LogStore, Resources, Size, resources


def _form(value: Any) -> str:
    return "SecretKeySpec" if isinstance(value, (dict, SecretKey)) else "literal[text]"


EnvValue = Annotated[
    Annotated[str, Tag("literal[text]")] | Annotated[SecretKey, Tag("SecretKeySpec")], Discriminator(_form)
]
"""Text, which may have references; or a Secret's value."""


class Probes(Model):
    """When Kubernetes asks whether a service is ready and alive; times in seconds."""

    initial_delay: StrictInt = Field(
        60, ge=0, le=DAY, description="Seconds after the container's start before the first probe."
    )
    timeout: StrictInt = Field(3, ge=1, le=DAY, description="Seconds a probe may take.")
    period: StrictInt = Field(10, ge=1, le=DAY, description="Seconds between probes.")
    failures: StrictInt = Field(3, ge=1, le=1000, description="Failed probes in a row that count.")


class Rollout(Model):
    """How many pods may be above or below the wanted number during a rolling update."""

    max_surge: StrictInt = Field(1, ge=0, le=1000, description="Pods above the wanted number.")
    max_unavailable: StrictInt = Field(1, ge=0, le=1000, description="Pods below the wanted number.")

    @model_validator(mode="after")
    def _can_move(self) -> Rollout:
        if not self.max_surge and not self.max_unavailable:
            raise ValueError(
                "max_surge and max_unavailable are both 0, so that no pod could be replaced; at least one must be 1"
            )
        return self


class ServiceSpec(PartSpec):
    """The fields every kind of service has."""

    version: str = Field("v1", description="The tag that goes into the image pattern.", examples=["v1"])
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field("Always", description="imagePullPolicy.")
    replicas: StrictInt = Field(1, ge=0, le=1000, description="Number of pods.")
    autoscale: Autoscale | None = Field(
        None,
        description="As many pods as the load asks for, instead of `replicas`, which, if given, lies between both.",
        examples=[{"min": 2, "max": 6, "cpu": 70}],
    )
    disruption_budget: StrictBool = Field(
        True,
        description="With two pods or more: draining nodes takes one pod at a time (PodDisruptionBudget).",
    )
    port: StrictInt | None = Field(
        9090, ge=1, le=65535, description="TCP port of container and Service; null: it serves nothing."
    )
    node_port: StrictInt | None = Field(
        None,
        ge=NODE_PORTS[0],
        le=NODE_PORTS[-1],
        description="Port of every node of the cluster that leads to `port` as well, the first one of several "
        "(Service type NodePort). It is the whole cluster's: no other service, in whichever environment, may have it.",
    )
    env: dict[EnvName, EnvValue] = Field(
        {},
        description="Environment variables. `${NAME.OUTPUT}` refers to a backing service or service of this "
        "environment, for example `${redis.host}`; `{secret: NAME, key: KEY}` takes a Secret's value.",
        examples=[{"SPRING_REDIS_HOST": "${redis.host}"}],
    )
    uses: tuple[Name, ...] = Field(
        (),
        description="Backing services and services this one needs: it starts after they are ready, and gets "
        "their outputs as variables, for example REDIS_HOST, REDIS_PORT, REDIS_URL.",
        examples=[["redis", "kafka"]],
    )
    resources: Resources = Field(
        resources(cpu=("150m", "4000m"), memory=("1024Mi", "4096Mi")),
        description="CPU and memory. What is left out stays as it is by default; null removes one.",
    )
    log_space: Size = Field(
        "2Gi", description="Most that the log files may take on the node; a pod that exceeds it is evicted."
    )
    fs_group: StrictInt | None = Field(
        None,
        ge=1,
        le=2**31 - 1,
        description="Group that every container of the pod belongs to and that owns its volumes, where the volume's "
        "kind allows (fsGroup; of NFS directories it does not); left out, none.",
        examples=[1000],
    )
    user: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)] | Literal["image"] | None = Field(
        None,
        description="Number of the user and the group that the program runs as; `image`: whatever user its image "
        "names, which may be root. Left out, by kind: 1000, for `python` and `subsystem` 1001; `image` for `c`, and "
        "for `webapp` without `webapps`.",
        examples=[1001, "image"],
    )
    writable_root: StrictBool | None = Field(
        None,
        description="Whether the program may write beside /tmp, its log folder and its volumes, into its image's "
        "files. Left out, by kind: false; true for `c`, `python`, `subsystem`, and for `webapp` without `webapps`.",
    )
    log_store: LogStore | None = Field(
        None,
        description="Keep the log files when the pod is gone, each pod's in a folder of its own; left out, they go "
        "with the pod. There, `log_space` is no limit.",
        examples=[{"nfs": {"server": "10.0.116.71", "path": "/data/log"}}],
    )
    probes: Probes = Field(Probes(), description="Readiness and liveness by TCP connect to `port`.")
    rollout: Rollout = Field(Rollout(), description="Rolling update.")
    release: Release | None = Field(
        None,
        description="How a new version takes over; left out, pod by pod (rolling).",
        examples=[{"strategy": "canary", "next": "v2", "weight": 20}],
    )
    anti_affinity: Literal["required", "preferred", "none"] = Field(
        "required", description="Whether two pods of this service may share a host."
    )
    mounts: dict[Name, MountPath] = Field(
        {},
        description="Volumes of the environment's `volumes` → where the container sees them.",
        examples=[{"tomcat-img": "/usr/local/tomcat/webapps/img"}],
    )
    host_time: StrictBool = Field(
        True, description="Mount the host's /etc/localtime, so that logs carry local time."
    )
    filebeat: FilebeatSidecar | Literal[False] | None = Field(
        None,
        description="Log shipping sidecar; left out, the environment's; false, none. One without a target of its own "
        "sends where the environment's does.",
    )

    default_filebeat: ClassVar[FilebeatSidecar | None] = None
    """The sidecar of this kind where neither the service nor the environment says anything about one."""

    default_user: ClassVar[int | Literal["image"]] = 1000
    default_writable_root: ClassVar[bool] = False
    """What this kind's programs need, as docs/access.md has it with the reasons."""

    @field_validator("log_store")
    @classmethod
    def _claim_has_a_group(cls, store: LogStore | None, info: ValidationInfo) -> LogStore | None:
        if store and store.claim and info.data.get("fs_group", 0) is None:
            raise ValueError(
                "a claim's volume belongs to root, so that neither program nor sidecar could write to it: give "
                "fs_group, the group of both, for example 1000"
            )
        return store

    @model_validator(mode="after")
    def _node_port_leads_somewhere(self) -> Self:
        if self.node_port and not self.ports():
            message = f"leads to {self._missing_port()}"
            raise PydanticCustomError("between_fields", message, {"field": "node_port"})
        return self

    def _missing_port(self) -> str:
        """Return what a node port without a port lacks."""
        return "port, which is null; give a port"

    def needs(self) -> Iterator[Need]:
        """Yield what it uses."""
        for i, used in enumerate(self.uses):
            yield Need(("uses", i), used)

    def offered(self) -> tuple[str, ...]:
        """Return the outputs, of which a service without a port has none."""
        return OUTPUTS if self.ports() else ()

    def runs_as(self) -> int | Literal["image"]:
        """Return the number of the user that its program runs as, or ``image``."""
        return self.default_user if self.user is None else self.user

    def writes_root(self) -> bool:
        """Return whether its program may write into the files of its image."""
        return self.default_writable_root if self.writable_root is None else self.writable_root

    def ports(self) -> dict[str, int]:
        """Return the ports of the Service by name; the first is what ``port`` and ``url`` mean."""
        return {"http": self.port} if self.port else {}

    def most_pods(self) -> int:
        """Return how many pods it has at most, outside a rolling update."""
        return self.autoscale.max if self.autoscale else self.replicas

    def texts(self) -> dict[str, str]:
        """Return the variables that are text, without those from Secrets."""
        return {name: value for name, value in self.env.items() if isinstance(value, str)}

    def referring(self) -> Iterator[tuple[Path, str]]:
        """Yield every text that may have references, with its place."""
        yield from ((("env", name), text) for name, text in self.texts().items())
        beside = (self.release.changes() if self.release else None) or {}
        env = beside.get("env")
        for variable, value in env.items() if isinstance(env, dict) else ():
            if isinstance(value, str):
                yield ("release", "next", "env", variable), value
