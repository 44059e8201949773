"""WebApp: a web application in Tomcat."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictInt

from poscloud.spec.jvm import JvmServiceSpec


class WebAppSpec(JvmServiceSpec):
    """A web application in its own Tomcat image, started by ``catalina.sh run``."""

    kind: Literal["webapp"] = Field("webapp", description="A web application in Tomcat.")
    port: StrictInt | None = Field(8080, ge=1, le=65535, description="TCP port of Tomcat and Service.")
