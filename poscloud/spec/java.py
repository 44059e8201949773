"""JavaService: a Spring Cloud application in its own image."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from poscloud.spec.jvm import JvmServiceSpec
from poscloud.spec.values import NfsMount


class JavaServiceSpec(JvmServiceSpec):
    """A Spring Cloud service, started from its image by ``JAVA_OPTS``."""

    kind: Literal["java"] = Field("java", description="A Java (Spring Cloud) service.")
    opt_data: NfsMount | None = Field(None, description="NFS directory mounted at /home/deploy.")
