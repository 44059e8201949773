"""EnvironmentSpec: everything in one namespace."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from poscloud.spec.backing import BackingSpec, KafkaSpec, StatefulSpec
from poscloud.spec.base import Model, Name, StatefulName
from poscloud.spec.filebeat import FilebeatSidecar
from poscloud.spec.java import JavaServiceSpec
from poscloud.spec.kubernetes import check_image, check_labels, check_quota, check_tag
from poscloud.spec.references import Finding, Path, check_text, find_cycle, nearest, targets
from poscloud.spec.values import Amounts, Quantity

AnyServiceSpec = JavaServiceSpec
"""Every kind of service; a discriminated union by ``kind`` as soon as there is a second one."""


def _pattern(*allowed: str) -> object:
    def check(pattern: str) -> str:
        try:
            fields = [field for field in Formatter().parse(pattern) if field[1] is not None]
        except ValueError as error:
            raise ValueError(f"'{pattern}' is no pattern: {error}") from None
        for _, name, form, conversion in fields:
            if name not in allowed or form or conversion:
                placeholder = (
                    f"{{{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
                )
                known = ", ".join(f"{{{a}}}" for a in allowed)
                raise ValueError(f"'{placeholder}' is not known here; allowed: {known}")
        sample = pattern.format(**dict.fromkeys(allowed, "x"))
        if check_image(sample, ()):
            raise ValueError(f"'{pattern}' makes no image; with x for each placeholder it is '{sample}'")
        return pattern

    return AfterValidator(check)


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


class LimitRangeSpec(Model):
    """What a container gets that asks for nothing, and the most it may ask for (LimitRange)."""

    default: Amounts = Field(Amounts(cpu="1", memory="512Mi"), description="Default limits.")
    default_request: Amounts = Field(Amounts(cpu="50m", memory="128Mi"), description="Default requests.")
    max: Amounts = Field(Amounts(), description="Largest limits; empty, no bound.")


class EnvironmentSpec(Model):
    """One environment = one Pulumi stack = one namespace of the same name."""

    name: Annotated[Name, Field(description="Stack and namespace; the file's name when read from a file.")]
    registry: str = Field(
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
    node_selector: dict[str, str] = Field(
        {}, description="Labels the nodes must have.", examples=[{"node": "public"}]
    )
    filebeat: FilebeatSidecar | Literal[False] = Field(
        False, description="Log shipping sidecar of every service that does not say otherwise."
    )
    backing: dict[StatefulName, BackingSpec] = Field({}, description="Backing services by name.")
    services: dict[Name, AnyServiceSpec] = Field({}, description="Services by name.")

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

    def filebeat_of(self, service: JavaServiceSpec) -> FilebeatSidecar | None:
        """Return the sidecar of ``service``: its own, else the environment's, else ``None``."""
        chosen = self.filebeat if service.filebeat is None else service.filebeat
        return chosen or None

    def start_after(self, name: str) -> frozenset[str]:
        """Return the names that must be ready before the service or backing service ``name`` starts."""
        backing = self.backing.get(name)
        if backing is not None:
            return frozenset({backing.zookeeper} if isinstance(backing, KafkaSpec) else ())
        service = self.services[name]
        names = {*service.uses, *(t for text in service.env.values() for t in targets(text))}
        sidecar = self.filebeat_of(service)
        if sidecar and sidecar.kafka.backing:
            names.add(sidecar.kafka.backing)
        return frozenset(names - {name})  # a registry may know its own address; that is no order


def check_environment(spec: EnvironmentSpec) -> list[Finding]:
    """Return everything that does not fit together: names taken twice, dangling references, cycles."""
    known = {*spec.backing, *spec.services}
    findings = [
        Finding(
            ("services", name),
            "duplicate-name",
            f"'{name}' is a backing service already; both would own Service '{name}'",
        )
        for name in spec.services
        if name in spec.backing
    ]
    findings += check_values(spec)
    for name, backing in spec.backing.items():
        if isinstance(backing, KafkaSpec):
            findings += _check_target(spec, backing.zookeeper, "zookeeper", ("backing", name, "zookeeper"))
    for name, service in spec.services.items():
        where = ("services", name)
        findings += [
            Finding(
                (*where, "uses", i),
                "unknown-reference",
                f"'{used}' names no service or backing service",
                nearest(used, known - {name}),
            )
            for i, used in enumerate(service.uses)
            if used not in known
        ]
        for variable, text in service.env.items():
            findings += check_text(text, (*where, "env", variable), known)
        sidecar = spec.filebeat_of(service)
        if sidecar and sidecar.kafka.backing and service.filebeat is not None:
            findings += _check_target(spec, sidecar.kafka.backing, "kafka", (*where, "filebeat"))
    if spec.filebeat and spec.filebeat.kafka.backing and spec.services:
        findings += _check_target(spec, spec.filebeat.kafka.backing, "kafka", ("filebeat",))
    if not findings and (cycle := find_cycle({name: spec.start_after(name) for name in known})):
        group = "services" if cycle[0] in spec.services else "backing"
        findings.append(
            Finding(
                (group, cycle[0]),
                "start-order-cycle",
                f"each waits for the next: {' → '.join(cycle)}",
                "remove one `uses` or reference",
            )
        )
    return findings


def check_values(spec: EnvironmentSpec) -> list[Finding]:
    """Return what Kubernetes would refuse later: labels, resources of the quota, images."""
    findings = [*check_labels(spec.node_selector, ("node_selector",)), *check_quota(spec.quota or {})]
    if spec.filebeat:
        findings += _check_image_of(spec.filebeat, ("filebeat",))
    for group, parts in (("backing", spec.backing), ("services", spec.services)):
        for name, part in parts.items():
            findings += check_labels(part.node_selector or {}, (group, name, "node_selector"))
            findings += _check_image_of(part, (group, name))
            sidecar = getattr(part, "filebeat", None)
            if sidecar:
                findings += _check_image_of(sidecar, (group, name, "filebeat"))
    return findings


def _check_image_of(part: AnyServiceSpec | StatefulSpec | FilebeatSidecar, path: Path) -> list[Finding]:
    return check_image(part.image, (*path, "image")) + check_tag(part.version, (*path, "version"))


def _check_target(spec: EnvironmentSpec, name: str, kind: str, path: tuple[str | int, ...]) -> list[Finding]:
    """Return a finding unless ``name`` is a backing service of ``kind``."""
    same_kind = [n for n, b in spec.backing.items() if b.kind == kind]
    if name in same_kind:
        return []
    return [
        Finding(
            path,
            "unknown-reference",
            f"there is no {kind} named '{name}' under backing",
            nearest(name, same_kind),
        )
    ]
