"""JavaService: a Spring Cloud application in its own image, or as a jar on a JDK's image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from poscloud.spec.base import Name
from poscloud.spec.jar import JarSource
from poscloud.spec.jvm import JvmServiceSpec
from poscloud.spec.part import Need
from poscloud.spec.values import NfsMount, parse_quantity

LEAST_LOG_SPACE = "64Mi"
"""Below it the shares of the log files, whole mebibytes, would be more than the space."""


class JavaServiceSpec(JvmServiceSpec):
    """A Spring Cloud service, started from its image by ``JAVA_OPTS``, or from a jar that is fetched first."""

    kind: Literal["java"] = Field("java", description="A Java (Spring Cloud) service.")
    jar: JarSource | None = Field(
        None,
        description="Fetch the jar of `version` when a pod starts, and run it on a JDK's image; left out, the "
        "service has an image of its own.",
    )
    eureka: Name | None = Field(
        None,
        description="The service that is the Eureka server, with which this one registers by its pod's address. "
        "The server names itself: each of its `replicas` then has an address of its own, and they register with "
        "each other.",
        examples=["dac-eureka-server"],
    )
    gc_log: Literal["none", "jdk8", "jdk9+"] = Field(
        "none",
        description="Log of the garbage collector beside the other logs, rotated within `log_space`, in the "
        "options of JDK 8, or of 9 and later.",
    )
    opt_data: NfsMount | None = Field(None, description="NFS directory mounted at /home/deploy.")

    @field_validator("jar")
    @classmethod
    def _one_way_to_start(cls, jar: JarSource | None, info: ValidationInfo) -> JarSource | None:
        if jar and info.data.get("image"):
            raise ValueError(
                "give either image (the service's own) or jar; the image a jar runs in is jar.jdk"
            )
        return jar

    @field_validator("log_space")
    @classmethod
    def _room_for_rotation(cls, space: str) -> str:
        if parse_quantity(space) < parse_quantity(LEAST_LOG_SPACE):
            raise ValueError(
                f"{space} is too little to rotate log files in; at least {LEAST_LOG_SPACE} is needed"
            )
        return space

    def fields_of_options(self) -> list[str]:
        """Return the given fields that are options of the JVM."""
        return [*super().fields_of_options(), *(["gc_log"] if self.gc_log != "none" else [])]

    def needs(self) -> Iterator[Need]:
        """Yield what it uses, and its Eureka server."""
        yield from super().needs()
        if self.eureka:
            yield Need(("eureka",), self.eureka)
