"""Quantities as Kubernetes and the JVM write them, and the small specs made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from poscloud.quantity import parse_quantity as parse_quantity
from poscloud.spec.base import DnsName, Model

_JVM_SIZE = re.compile(r"(?P<number>[0-9]{1,18})(?P<unit>[kKmMgGtT]?)")
_JVM_UNIT = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

MEBIBYTE = 2**20

DAY = 86_400
"""Seconds."""


def parse_jvm_size(text: str) -> int:
    """Return a size as the JVM's ``-Xmx`` takes it, in bytes; raises ``ValueError`` for anything else."""
    match = _JVM_SIZE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"'{text}' is not a JVM size: a whole number followed by k, m, g or t, such as 768m or 3g"
        )
    return int(match["number"]) * _JVM_UNIT[match["unit"].lower()]


def mebibytes(bytes_: Decimal | int) -> str:
    """Write a number of bytes in whole mebibytes, ``4096Mi``."""
    return f"{int(bytes_ // MEBIBYTE)}Mi"


def _to_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _checked(text: str) -> str:
    parse_quantity(text)
    return text


Quantity = Annotated[
    str,
    BeforeValidator(_to_text, json_schema_input_type=str | int | float),
    AfterValidator(_checked),
]
"""A Kubernetes quantity kept as it was written; a YAML number is taken as text."""


def _above_zero(text: str) -> str:
    if not parse_quantity(text):
        raise ValueError(f"'{text}' is nothing; a size has to be above zero")
    return text


Size = Annotated[Quantity, AfterValidator(_above_zero)]
"""A quantity above zero."""


class Amounts(Model):
    """How much of the node's CPU and memory."""

    cpu: Quantity | None = Field(None, description="CPU cores, for example 150m or 4.", examples=["150m"])
    memory: Quantity | None = Field(None, description="Memory in bytes, for example 1Gi.", examples=["1Gi"])

    def cores(self) -> int | None:
        """Return the CPU rounded up to whole cores; ``None`` where there is no amount."""
        return int(parse_quantity(self.cpu).to_integral_value(ROUND_CEILING)) if self.cpu else None


class Resources(Model):
    """What a container asks for and what it may use at most (container ``resources``)."""

    requests: Amounts = Field(Amounts(), description="What the scheduler reserves on a node.")
    limits: Amounts = Field(Amounts(), description="What the container may use at most.")

    @model_validator(mode="after")
    def _requests_fit(self) -> Resources:
        for name in ("cpu", "memory"):
            request, limit = getattr(self.requests, name), getattr(self.limits, name)
            if _exceeds(request, limit):
                raise ValueError(f"requests.{name} {request} is more than limits.{name} {limit}")
        return self


def resources(cpu: tuple[str, str], memory: tuple[str, str]) -> Resources:
    """Return resources from (request, limit) pairs; the short form for defaults in code."""
    return Resources(
        requests=Amounts(cpu=cpu[0], memory=memory[0]), limits=Amounts(cpu=cpu[1], memory=memory[1])
    )


def _given(value: object) -> dict[str, Any] | None:
    """Return the fields a writer gave, of a map as of an instance; ``None`` for anything else."""
    if isinstance(value, Mapping):
        return dict(value)
    return {n: getattr(value, n) for n in value.model_fields_set} if isinstance(value, Model) else None


class WithResources(Model):
    """A spec with a field ``resources``, of which a writer may give a part: the rest stays as it is by default."""

    least_memory: ClassVar[str] = "0"
    """The smallest memory limit with which the program starts."""

    @field_validator("resources", mode="before", check_fields=False)
    @classmethod
    def _over_default(cls, value: object) -> object:
        merged, default = _given(value), cls.model_fields["resources"].default
        if merged is None:
            return value
        own_requests = _given(merged.get("requests", {}))
        for side in ("requests", "limits"):
            amounts = _given(merged.get(side, {}))
            if amounts is not None:
                merged[side] = {**getattr(default, side).model_dump(), **amounts}
        if own_requests is not None and isinstance(merged["limits"], dict):
            for name in {"cpu", "memory"} - set(own_requests):
                request, limit = merged["requests"][name], merged["limits"][name]
                if _exceeds(request, limit):  # a default gives way
                    merged["requests"][name] = limit
        return merged

    @field_validator("resources", check_fields=False)
    @classmethod
    def _memory_suffices(cls, value: Resources) -> Resources:
        limit = value.limits.memory
        if _exceeds(cls.least_memory, limit):
            raise ValueError(f"limits.memory {limit} is too little, at least {cls.least_memory} is needed")
        return value


def _exceeds(amount: object, limit: object) -> bool:
    """Whether both are quantities and the first is the larger one."""
    if amount is None or limit is None:
        return False
    try:
        return parse_quantity(str(amount)) > parse_quantity(str(limit))
    except ValueError:
        return False  # reported where it stands


def _server(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9a-fA-F:]*:[0-9a-fA-F:.]*", text):
        raise ValueError(f"'{text}' is no host: a host name or an address, such as 10.10.1.30")
    return text


class NfsMount(Model):
    """A directory of an NFS server."""

    server: Annotated[str, AfterValidator(_server)] = Field(
        description="Host name or address of the NFS server.", examples=["10.10.1.30"]
    )
    path: str = Field(description="Exported directory.", pattern=r"^/.*", examples=["/home/k8s-nfs-data/dev"])


class LogStore(Model):
    """Where log files outlive their pod: in ENVIRONMENT/SERVICE/POD of a directory or a volume."""

    nfs: NfsMount | None = Field(
        None,
        description="Directory of an NFS server, which program and sidecar may write to: mode 0777, or 2775 of the "
        "group `fs_group`. The folders in it get the same mode.",
    )
    claim: DnsName | None = Field(
        None,
        description="Instead: PersistentVolumeClaim of the namespace, of a volume that several hosts may write to; "
        "needs `fs_group`.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> LogStore:
        if bool(self.nfs) == bool(self.claim):
            raise ValueError("give either nfs or claim")
        return self


class Storage(Model):
    """Where each member of a stateful set keeps its data: a volume claim (document 004: Ceph), or NFS."""

    size: Size = Field(
        "10Gi",
        description="Capacity of each member's volume; a directory on NFS has none.",
        examples=["20Gi"],
    )
    storage_class: DnsName | None = Field(
        None,
        description="One of the environment's `storage_classes`, or of the cluster; left out, its default.",
        examples=["ceph-db"],
    )
    nfs: NfsMount | None = Field(
        None,
        description="Directory of an NFS server instead of claims: each member has its own, "
        "ENVIRONMENT/MEMBER, below it.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Storage:
        if self.nfs and self.storage_class:
            raise ValueError(
                "storage_class and nfs exclude each other: a class makes volumes, nfs is used without one; "
                "set the one that is not meant to null"
            )
        return self
