"""CService: a C program, from a git repository or in its image (document 000)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StrictInt

from poscloud.spec.base import DnsName, Model
from poscloud.spec.filebeat import FilebeatSidecar
from poscloud.spec.filebeat_output import RedisOutput
from poscloud.spec.kubernetes import check_image
from poscloud.spec.references import Finding
from poscloud.spec.service import Probes, ServiceSpec
from poscloud.spec.values import Resources, Size, resources

MANAGED = {
    "PROC": "proc",
    "RUNENV": "runenv",
    "PROGRAM_DIR": "git",
}
"""Variable that the start script reads → the field that sets it."""


def _repository(url: str) -> str:
    if "@" in url:
        raise ValueError("a repository's address may not carry a user or password; use credentials")
    if not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+/[^\s?#'\"\\]+", url):
        raise ValueError(f"'{url}' is not of the form http://host/project.git or https://host/project.git")
    return url


def _revision(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*", text) or ".." in text:
        raise ValueError(f"'{text}' is no revision: a commit, a tag or a branch")
    return text


class GitSource(Model):
    """A program and its configuration files in a git repository.

    Stands for document 000's gitRepo volume, which Kubernetes has removed: an init container fetches the revision.
    """

    repository: Annotated[str, AfterValidator(_repository)] = Field(
        description="Address, over HTTP.", examples=["http://172.20.5.54/posp/posp_c/account_confirm.git"]
    )
    revision: Annotated[str, AfterValidator(_revision)] = Field(
        description="Commit; or a tag or branch, which may mean something else tomorrow.",
        examples=["ecc71b65f2f09b2a044dff8d7f12d777e052b8b3"],
    )
    credentials: DnsName | None = Field(
        None,
        description="Secret with the keys username and password, such as one of the environment's `secrets`.",
        examples=["git-credentials"],
    )
    image: str | None = Field(
        None, description="Image with git and sh; left out, git:2 of the environment's registry."
    )
    timeout: StrictInt = Field(300, ge=1, le=3600, description="Seconds that fetching may take.")
    space: Size = Field("1Gi", description="Most that the files may take on the node.")


class CServiceSpec(ServiceSpec):
    """A C program with a configuration file for each environment (document 000).

    Its image is the base image, the same for every environment; only ``runenv`` differs.
    """

    kind: Literal["c"] = Field("c", description="A C service.")
    default_user: ClassVar[int | Literal["image"]] = "image"
    default_writable_root: ClassVar[bool] = True
    default_filebeat: ClassVar[FilebeatSidecar | None] = FilebeatSidecar(
        multiline="bracket", tags=("posp_trade_c",), redis=RedisOutput()
    )
    proc: str | None = Field(
        None,
        description="Name of the program, PROC; left out, the service's with _ for -.",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$",
        examples=["account_confirm"],
    )
    runenv: str = Field(
        description="Which configuration file the program gets, RUNENV: PROC.ini.test for test, PROC.ini.pre for "
        "pre; else PROC.ini, or PROC.ini.RUNENV where there is one.",
        pattern=r"^[a-z][a-z0-9-]*$",
        examples=["test", "pre", "prod"],
    )
    git: GitSource | None = Field(
        None,
        description="Where program and configuration files come from; left out, they are in the image, in "
        "/data/bin and /data/etc.",
    )
    port: StrictInt | None = Field(
        None, ge=1, le=65535, description="TCP port of container and Service; null: it serves nothing."
    )
    probes: Probes = Field(
        Probes(initial_delay=5),
        description="Readiness: that the program still runs after the initial delay; with a `port`, TCP connect, "
        "for liveness as well.",
    )
    resources: Resources = Field(
        resources(cpu=("50m", "2"), memory=("128Mi", "1Gi")),
        description="CPU and memory. What is left out stays as it is by default; null removes one.",
    )

    def program(self, name: str) -> str:
        """Return the program's name in the service ``name``."""
        return self.proc or name.replace("-", "_")

    def check(self) -> Iterator[Finding]:
        """Yield variables that a field sets, and an image of git that cannot be one."""
        yield from super().check()
        if self.git:
            yield from check_image(self.git.image, ("git", "image"))
        for variable, field in MANAGED.items():
            if variable in self.env:
                message = f"env.{variable} is set by a field"
                yield Finding(("env", variable), "managed-variable", message, f"use {field}")
