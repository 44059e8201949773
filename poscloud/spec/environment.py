"""EnvironmentSpec: everything in one namespace."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from poscloud.spec.archive import ArchiveSpec
from poscloud.spec.base import DnsName, Model, Name, SecretKeyName, StatefulName
from poscloud.spec.baseline import check_baseline
from poscloud.spec.checks import check_environment
from poscloud.spec.clusterwide import PriorityClassSpec, StorageClassSpec
from poscloud.spec.filebeat import FilebeatSidecar
from poscloud.spec.ingress import IngressRule
from poscloud.spec.isolation import IsolationChoice
from poscloud.spec.kinds import AnyBackingSpec, AnyServiceSpec
from poscloud.spec.kubernetes import check_image
from poscloud.spec.lifetime import Copies, Lifetime
from poscloud.spec.limits import LimitRangeSpec
from poscloud.spec.monitoring import MonitoringChoice
from poscloud.spec.nextversion import other_spec
from poscloud.spec.nodes import NodePool
from poscloud.spec.officehours import OfficeHours
from poscloud.spec.part import Need, PartSpec
from poscloud.spec.placeholders import placeholders
from poscloud.spec.references import targets
from poscloud.spec.service import ServiceSpec
from poscloud.spec.teams import TeamAccessSpec, TeamName
from poscloud.spec.values import Quantity
from poscloud.spec.volumes import SharedVolume

MAX_PARTS = 1000
"""Services, and backing services, that one environment may have: ten times what the largest known one has."""


def _pattern(*allowed: str) -> object:
    def check(pattern: str) -> str:
        placeholders(pattern, allowed)
        sample = pattern.format(**dict.fromkeys(allowed, "x"))
        if check_image(sample, ()):
            raise ValueError(f"'{pattern}' makes no image; with x for each placeholder it is '{sample}'")
        return pattern

    return AfterValidator(check)


def _check_registry(registry: str) -> str:
    if check_image(f"{registry}/x:v1", ()):
        raise ValueError(f"'{registry}' makes no image: HOST[:PORT]/PROJECT, the project in lower case")
    return registry


class Images(Model):
    """How image names are made where none is given."""

    service: Annotated[str, _pattern("registry", "environment", "service", "version")] = Field(
        "{registry}/{environment}-{service}:{version}", description="Pattern for services."
    )
    backing: Annotated[str, _pattern("registry", "environment", "kind", "version")] = Field(
        "{registry}/{kind}:{version}", description="Pattern for backing services."
    )
    sidecar: Annotated[str, _pattern("registry", "environment", "version")] = Field(
        "{registry}/filebeat:{version}", description="Pattern for the Filebeat sidecar."
    )


class EnvironmentSpec(Model):
    """One environment = one Pulumi stack = one namespace of the same name."""

    name: Annotated[Name, Field(description="Stack and namespace; the file's name when read from a file.")]
    production: StrictBool | None = Field(
        None,
        description="Whether an image without a tag of its own is refused; left out, for an environment called prod "
        "or *-prod.",
    )
    adopt: StrictBool = Field(
        False,
        description="Whether a namespace of that name that is there already and is no stack's is taken in, with the "
        "objects in it that are described here; destroy then deletes it with all that is in it.",
    )
    short_lived: StrictBool = Field(
        False,
        description="Whether the environment is made for hours and can be made anew at any time. The engine then "
        "writes its state once, at the end of a run, which is faster; a run that was killed is mended by `poscloud "
        "up` (docs/recovery.md). Refused in production.",
    )
    baseline: Annotated[str, AfterValidator(check_baseline)] | None = Field(
        None,
        description="Where `poscloud up` publishes what a merge request is compared with (docs/merge-requests.md): a "
        "folder, relative to the project's; s3://BUCKET/FOLDER; or https://HOST/FOLDER, which is only read. The "
        "variable POSCLOUD_BASELINE goes before it.",
        examples=["s3://ci/baselines?endpoint=minio.example.com:9000&s3ForcePathStyle=true"],
    )
    archive: ArchiveSpec | None = Field(
        None,
        description="Where logs, events and objects are kept when the environment is destroyed; by default the "
        "project's folder .poscloud/archive.",
        examples=[{"folder": "/srv/archive"}],
    )
    copy_of: Name | None = Field(
        None,
        description="The environment this one is a copy of, the NAME of stacks/NAME.yaml: all of it is taken over, but "
        "node ports are the cluster's choice, and hosts of Ingress rules get this one's name in front.",
        examples=["wbyh-stage"],
    )
    lifetime: Lifetime | None = Field(
        None, description="How long it stays without activity, and whose it is; left out, it stays."
    )
    office_hours: OfficeHours | None = Field(
        None,
        description="When it is worked with. Outside of these hours a sweep puts it to sleep: no pods, all data kept. "
        "Copies have the same. Refused in production.",
        examples=[{"begin": "08:00", "end": "20:00", "time_zone": "Asia/Shanghai"}],
    )
    copies: Copies = Field(Copies(), description="What copies of this environment may be made.")
    monitoring: MonitoringChoice = Field(
        False,
        description="Whether Prometheus and Grafana get alerts and a dashboard of this environment "
        "(docs/components/monitoring.md).",
    )
    isolation: IsolationChoice = Field(
        False,
        description="Whether pods of other namespaces are kept out (NetworkPolicy), and who is let in all the same.",
    )
    access: dict[TeamName, TeamAccessSpec] = Field(
        {},
        description="Teams that work with this environment by themselves, each with a kubeconfig of its own "
        "(docs/components/team-access.md). A copy has none of them.",
        examples=[{"payments": {"may": ["shell"]}}],
    )
    registry: Annotated[str, AfterValidator(_check_registry)] = Field(
        "harbor.example.com/wbyh",
        description="Image registry and project.",
        pattern=r"^[^/\s]+(/[^/\s]+)*$",
    )
    images: Images = Field(Images(), description="How image names are made.")
    pull_secret: Name | None = Field(
        "myregistrykey",
        description="Secret with the registry's credentials; its content is the stack's secret configuration "
        "`poscloud:registryAuth` (a dockerconfigjson). null: the registry needs none.",
    )
    quota: dict[str, Quantity] | None = Field(
        None, description="ResourceQuota `hard` of the namespace.", examples=[{"limits.memory": "100Gi"}]
    )
    limits: LimitRangeSpec | None = Field(
        LimitRangeSpec(), description="LimitRange of the namespace; null: none."
    )
    node_pools: dict[Name, NodePool] = Field({}, description="Groups of hosts, which `pool` chooses by name.")
    pool: Name | None = Field(None, description="Node pool of every part that does not say otherwise.")
    node_selector: dict[str, str] = Field(
        {},
        description="Labels the nodes must have, for parts without a pool or selector of their own.",
        examples=[{"node": "public"}],
    )
    storage_classes: dict[Name, StorageClassSpec] = Field(
        {}, description="StorageClasses to make, which `storage_class` chooses by name."
    )
    priority_classes: dict[Name, PriorityClassSpec] = Field(
        {},
        description="PriorityClasses to make, which `priority` chooses by name.",
        examples=[{"high": {"value": 1000}}],
    )
    priority: DnsName | None = Field(
        None, description="PriorityClass of every part that does not say otherwise."
    )
    volumes: dict[Name, SharedVolume] = Field(
        {},
        description="Shared volumes by name, which services mount with `mounts`.",
        examples=[{"tomcat-img": {"nfs": {"server": "192.168.8.30", "path": "/home/k8s-nfs-data/img"}}}],
    )
    time_zone: str | None = Field(
        "Asia/Shanghai",
        description="Time zone of the backing services, their variable TZ: a name of the IANA database, which the "
        "image must have. null: the image's own.",
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
        examples=["Asia/Shanghai", "UTC"],
    )
    filebeat: FilebeatSidecar | Literal[False] | None = Field(
        None,
        description="Log shipping sidecar of every service that does not say otherwise; left out, that of its kind "
        "(c has one); false, none.",
    )
    secrets: dict[DnsName, Annotated[tuple[SecretKeyName, ...], Field(min_length=1)]] = Field(
        {},
        description="Secrets to make: name → keys. The value of each is the stack's secret configuration "
        "`poscloud:NAME.KEY`.",
        examples=[{"git-credentials": ["username", "password"]}],
    )
    ingress: tuple[IngressRule, ...] = Field(
        (),
        description="Which service answers which host and path from outside the cluster.",
        examples=[[{"host": "shop.example.com", "paths": {"/": "dac-web"}}]],
    )
    backing: dict[StatefulName, AnyBackingSpec] = Field(
        {}, max_length=MAX_PARTS, description="Backing services by name."
    )
    services: dict[Name, AnyServiceSpec] = Field({}, max_length=MAX_PARTS, description="Services by name.")

    @model_validator(mode="after")
    def _parts_fit(self, info: ValidationInfo) -> EnvironmentSpec:
        findings = check_environment(self)
        collect = info.context.get("findings") if isinstance(info.context, dict) else None
        if collect is not None:
            collect.extend(findings)
        elif findings:
            lines = [f"{'.'.join(map(str, f.path))}: {f.message}" for f in findings]
            raise PydanticCustomError("environment", "{lines}", {"lines": "\n".join(lines)})
        return self

    def is_production(self) -> bool:
        """Return whether every image has to name its version."""
        return (
            self.name == "prod" or self.name.endswith("-prod") if self.production is None else self.production
        )

    def part(self, name: str) -> PartSpec:
        """Return the service or backing service ``name``."""
        return self.backing[name] if name in self.backing else self.services[name]

    def kind(self, name: str) -> str:
        """Return the kind of the service or backing service ``name``."""
        return self.backing[name].kind if name in self.backing else self.services[name].kind

    def filebeat_of(self, part: PartSpec) -> FilebeatSidecar | None:
        """Return the sidecar of a service: its own, else the environment's, else its kind's; ``None``: it has none.

        Its own, without a target, has the target of the one it replaces.
        """
        if not isinstance(part, ServiceSpec):
            return None
        replaced = self.filebeat or part.default_filebeat
        if part.filebeat and replaced:
            return part.filebeat.with_target_of(replaced)
        given = (part.filebeat, self.filebeat, part.default_filebeat)
        return next((sidecar for sidecar in given if sidecar is not None), None) or None

    def needs(self, name: str) -> list[Need]:
        """Return what the part ``name`` needs, with what its variables, its next version and its sidecar refer to."""
        part = self.part(name)
        found = list(part.needs())
        if isinstance(part, ServiceSpec):
            found += [Need(path, target) for path, text in part.referring() for target in targets(text)]
            if beside := other_spec(part):
                found += beside.needs()
                found += [Need(path, target) for path, text in beside.referring() for target in targets(text)]
        sidecar = self.filebeat_of(part)
        if sidecar:
            found += sidecar.needs()
        return found

    def start_after(self, name: str) -> frozenset[str]:
        """Return the names that must be ready before the service or backing service ``name`` starts."""
        # A registry may know its own address; that is no order.
        return frozenset(need.name for need in self.needs(name)) - {name}
