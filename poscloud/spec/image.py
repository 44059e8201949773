"""How images are made: base, declared dependencies, what is added, what is exposed and started.

Documents 000 (C), 001 (pipeline), 002 (what to record of a deployment) and 004 (Java) each have a Dockerfile; a kind
here is what these have in common, so that a project says only its own part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StrictInt

from poscloud.spec.base import EnvName, Model, Name
from poscloud.spec.kubernetes import check_image
from poscloud.spec.references import Finding, find_cycle, nearest


def _one_line(text: str) -> str:
    if re.search(r"[\r\n\0]", text):
        raise ValueError("has more than one line; write one entry a line")
    return text


def _inside(path: str) -> str:
    pure = PurePosixPath(_one_line(path))
    if pure.is_absolute() or ".." in pure.parts or not path:
        raise ValueError(f"'{path}' is not a path inside the project's folder")
    if wrong := re.search(r"[$*?\[\\]", path):
        raise ValueError(f"'{path}' has a {wrong[0]}, which builders take for a variable or a pattern")
    return path


Line = Annotated[str, AfterValidator(_one_line)]
InProject = Annotated[str, AfterValidator(_inside)]
InImage = Annotated[str, Field(pattern=r"^/[^\r\n]*$")]
User = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$")]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
Package = Annotated[str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9+._:=~*]*$")]


class ImageSpec(Model):
    """What every image has."""

    base: str | dict[str, str] = Field(
        description="What it is built on: another image of this file by its name, or an image with its tag; or for "
        "each environment one, by patterns of the environment's name. `{registry}` and `{environment}` are replaced.",
        examples=["java-base", {"*-stage": "{registry}/wbyh-base/centos7-jdk-1.8:v3", "*": "centos:7"}],
    )
    needs: tuple[Name, ...] = Field(
        (), description="Further images (projects) of this file to be built first."
    )
    context: str = Field(
        ".", description="The project's folder, relative to the file; its revision is the tag's."
    )
    before: tuple[Line, ...] = Field(
        (),
        description="Command and arguments that make what is added, run in the project's folder, without a shell.",
        examples=[["mvn", "-q", "-DskipTests", "package"]],
    )
    repository: str | None = Field(
        None,
        description="Name without tag, of `{registry}`, `{environment}` and `{name}`; left out, what the stack's "
        "`images.service` makes of the name.",
        examples=["{registry}/{name}"],
    )
    package_manager: Literal["yum", "dnf", "apt", "apk"] = Field("yum", description="Of the base image.")
    packages: tuple[Package, ...] = Field(
        (), description="System packages that the program depends on: all of them."
    )
    timezone: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_+/-]+$",
        description="Local time, for example Asia/Shanghai; needs tzdata.",
    )
    env: dict[EnvName, Line] = Field(
        {}, description="ENV; `$NAME` is an earlier value. No secrets: anybody can read it."
    )
    labels: dict[str, Line] = Field({}, description="LABEL, for example the maintainer.")
    add: dict[InProject, InImage] = Field(
        {},
        description="File or folder of the project → where it goes; a tar archive is unpacked there (ADD).",
    )
    run: tuple[Line, ...] = Field((), description="Shell lines that configure the image, run as root (RUN).")
    user: User | None = Field(None, description="USER that it runs as; left out, the base's.")
    expose: tuple[Port, ...] = Field((), description="TCP ports (EXPOSE), beside the kind's own.")

    def base_for(self, environment: str) -> str | None:
        """Return the base for an environment; ``None`` if no pattern fits its name."""
        if isinstance(self.base, str):
            return self.base
        return next((ref for pattern, ref in self.base.items() if fnmatchcase(environment, pattern)), None)

    def bases(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield every base with its place."""
        if isinstance(self.base, str):
            yield ("base",), self.base
        else:
            yield from ((("base", pattern), ref) for pattern, ref in self.base.items())

    def own_files(self) -> tuple[str, ...]:
        """Return the project's files that the kind itself adds."""
        return ()


class CImageSpec(ImageSpec):
    """A C program's image (document 000): libraries under /data; the program itself comes when the pod starts."""

    kind: Literal["c"] = Field("c", description="A C program.")
    libraries: InProject | None = Field(
        None,
        description="Tar archive with bin, etc, lib, log and oracle, unpacked at /data.",
        examples=["lib_c.tar.gz"],
    )
    start_script: InProject | None = Field(
        None, description="Added as /data/bin/start.sh, which then is started."
    )

    def own_files(self) -> tuple[str, ...]:
        """Return the archive and the start script."""
        return tuple(f for f in (self.libraries, self.start_script) if f)


class JavaImageSpec(ImageSpec):
    """A Spring Cloud application (document 004): its jar on a base with a JDK, started as the user deploy."""

    kind: Literal["java"] = Field("java", description="A Java application.")
    jar: InProject = Field(description="The jar in the project's folder.", examples=["target/dac-task.jar"])
    start_script: InProject | None = Field(
        None,
        description="Start script, added as /home/deploy/NAME.sh; left out, java with JAVA_OPTS and the jar.",
    )
    user: User | None = Field(
        "deploy", description="USER that it runs as, and that owns /home/deploy; the base has it."
    )
    port: Port = Field(9090, description="TCP port (EXPOSE).")

    def own_files(self) -> tuple[str, ...]:
        """Return the jar and the start script."""
        return (self.jar, *([self.start_script] if self.start_script else []))


class PythonImageSpec(ImageSpec):
    """A Python project (documents 001 to 003) with its dependencies in a virtual environment of its own."""

    kind: Literal["python"] = Field("python", description="A Python project.")
    python: str = Field("python3", pattern=r"^[-./A-Za-z0-9]+$", description="Interpreter of the base image.")
    requirements: InProject = Field("requirements.txt", description="Declared dependencies, for pip.")
    source: InProject = Field(".", description="What is copied: the project's folder, or a part of it.")
    port: Port | None = Field(8080, description="TCP port (EXPOSE); null: a worker.")
    entrypoint: InProject | None = Field(
        None,
        description="Start script of the project, for example entrypoint.sh; left out, the service's RUN_CMD.",
    )

    def own_files(self) -> tuple[str, ...]:
        """Return the requirements, the source and the start script, which is part of the source."""
        return (self.requirements, self.source)


class WebAppImageSpec(ImageSpec):
    """A web application on a base with Tomcat."""

    kind: Literal["webapp"] = Field("webapp", description="A web application in Tomcat.")
    war: InProject = Field(description="The war in the project's folder.", examples=["target/dac-web.war"])
    path: str = Field(
        "ROOT", pattern=r"^[A-Za-z0-9._#-]+$", description="Context path, as the name in webapps."
    )
    tomcat: InImage = Field("/usr/local/tomcat", description="Tomcat's folder in the base image.")
    port: Port = Field(8080, description="TCP port (EXPOSE).")

    def own_files(self) -> tuple[str, ...]:
        """Return the war."""
        return (self.war,)


class PlainImageSpec(ImageSpec):
    """Any other image: base images of one's own, sidecars."""

    kind: Literal["image"] = Field("image", description="Any other image.")
    workdir: InImage | None = Field(None, description="WORKDIR.")
    entrypoint: tuple[Line, ...] = Field((), description="ENTRYPOINT: program and arguments.")
    command: tuple[Line, ...] = Field((), description="CMD: program and arguments.")


AnyImageSpec = Annotated[
    CImageSpec | JavaImageSpec | PythonImageSpec | WebAppImageSpec | PlainImageSpec,
    Field(discriminator="kind"),
]


class ImagesSpec(Model):
    """The images of a project: the file ``images.yaml``."""

    secret_name: ClassVar[re.Pattern[str]] = re.compile(
        r"(?i)passw|passphrase|secret|token|credential|(api|private|access)_?key|.pwd|pwd.|(^|_)pass(_|$)"
    )
    images: dict[Name, AnyImageSpec] = Field(
        description="Images by name; a service's has the service's name."
    )

    def after(self, name: str) -> frozenset[str]:
        """Return the images of this file that have to be built before ``name``."""
        spec = self.images[name]
        return frozenset({*spec.needs, *(ref for _, ref in spec.bases() if ref in self.images)})


def check_images(spec: ImagesSpec) -> list[Finding]:
    """Return everything that does not fit together: bases and needs that are not there, cycles, secrets in ENV."""
    findings: list[Finding] = []
    for name, image in spec.images.items():
        here = ("images", name)
        findings += [
            Finding(
                (*here, "needs", i),
                "unknown-reference",
                f"'{n}' names no image",
                nearest(n, {*spec.images} - {name}),
            )
            for i, n in enumerate(image.needs)
            if n not in spec.images
        ]
        for place, ref in image.bases():
            if ref in spec.images or ref == "scratch":
                continue
            if not re.search(r"[:/@]", ref):
                message = f"'{ref}' is neither an image of this file nor an image with its tag"
                findings.append(
                    Finding((*here, *place), "unknown-reference", message, nearest(ref, spec.images))
                )
            else:
                findings += check_image(_sample(ref), (*here, *place))
        if image.repository is not None:
            findings += check_image(_sample(image.repository), (*here, "repository"))
        findings += [
            Finding((*here, "env", n), "secret-in-image", f"{n}: whoever may pull the image can read it",
                    "give it to the service: env: {NAME: {secret: …, key: …}}")
            for n in image.env
            if spec.secret_name.search(n)
        ]  # fmt: skip
    cycle = [] if findings else find_cycle({name: spec.after(name) for name in spec.images})
    if cycle:
        message = f"each is built after the next: {' → '.join(cycle)}"
        findings.append(
            Finding(("images", cycle[0]), "build-order-cycle", message, "remove one `needs` or `base`")
        )
    return findings


def _sample(pattern: str) -> str:
    for field in ("registry", "environment", "name"):
        pattern = pattern.replace(f"{{{field}}}", "x")
    return pattern
