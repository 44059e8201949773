"""WebApp: a web application in Tomcat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from poscloud.spec.base import Model
from poscloud.spec.jvm import JvmServiceSpec
from poscloud.spec.kubernetes import check_image
from poscloud.spec.references import Finding

ContextName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._#-]*$", max_length=200)]
"""What Tomcat makes a context's path of: ``ROOT`` is ``/``, ``shop`` is ``/shop``, ``shop#v1`` is ``/shop/v1``."""


class WebAppArchive(Model):
    """A web application in an image of its own, which needs sh and cp."""

    image: str = Field(description="Image.", examples=["harbor.example.com/wbyh/shop:v3"])
    path: str = Field(
        "/app.war",
        description="The WAR file in the image, or the folder of an unpacked one.",
        pattern=r"^/[^'\"\\$`\s]+$",
    )


class WebAppSpec(JvmServiceSpec):
    """A web application in Tomcat, started by ``catalina.sh run``; listens on 9090, as in document 004."""

    options_variable: ClassVar[str] = "CATALINA_OPTS"
    kind: Literal["webapp"] = Field("webapp", description="A web application in Tomcat.")
    webapps: dict[ContextName, WebAppArchive] = Field(
        {},
        description="Web applications from images of their own, by context (ROOT, shop, shop#v1). They take the place "
        "of what the Tomcat image itself has in webapps; none: that one.",
    )

    def runs_as(self) -> int | Literal["image"]:
        """Return the user; the image's own web applications are unpacked beside them, where only root may write."""
        return super().runs_as() if self.webapps or self.user is not None else "image"

    def writes_root(self) -> bool:
        """Return whether Tomcat may write into the files of its image, where it unpacks its web applications."""
        return super().writes_root() if self.webapps or self.writable_root is not None else True

    def check(self) -> Iterator[Finding]:
        """Yield the images that cannot be one."""
        yield from super().check()
        for name, archive in self.webapps.items():
            yield from check_image(archive.image, ("webapps", name, "image"))
