"""Janitor: the sweep of the project's copies, in the cluster and by the clock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, Field, StrictInt, model_validator

from poscloud.spec.archive import check_s3
from poscloud.spec.base import DnsName, Model, OnlySecretKey, SecretKey
from poscloud.spec.c import GitSource
from poscloud.spec.cronjob import CronJobSpec, Schedule
from poscloud.spec.kubernetes import check_image
from poscloud.spec.references import Finding
from poscloud.spec.service import EnvValue
from poscloud.spec.values import NfsMount, Resources, resources

USER = 1000
"""User and group of its pods, which fetches the project, runs the sweep and owns the archive."""

MANAGED: Mapping[str, str] = {
    "PULUMI_BACKEND_URL": "backend",
    "PULUMI_CONFIG_PASSPHRASE": "passphrase",
    "PULUMI_CONFIG_PASSPHRASE_FILE": "passphrase",
    "POSCLOUD_ARCHIVE": "archive",
    "KUBECONFIG": "context",
}
"""Variable of the sweep → the field that sets it."""


_SECRET_KEY = re.compile(
    r"passw|passphrase|^pass$|pwd|secret|token|credential|access_?key|signature|^sig$|api_?key", re.IGNORECASE
)
"""Keys of an address's query that stand for something secret; what they are called differs with the backend."""


def _check_url(url: str) -> str:
    if "@" in url:
        raise ValueError("an address may not carry a user or password; use token")
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]+)*/?", url):
        raise ValueError(f"'{url}' is no address, such as https://gitlab.example.com")
    return url


class JanitorArchive(Model):
    """Where the sweep archives what it removes; its pod's own disk goes with the pod."""

    s3: Annotated[str, AfterValidator(check_s3)] | None = Field(
        None,
        description="A bucket, and a folder in it. Credentials come from `env`: AWS_ACCESS_KEY_ID and so on.",
        examples=["s3://archive/poscloud?endpoint=minio.example.com:9000&s3ForcePathStyle=true"],
    )
    claim: DnsName | None = Field(
        None, description="Instead: a PersistentVolumeClaim of the namespace.", examples=["archive"]
    )
    nfs: NfsMount | None = Field(None, description=f"Instead: a directory that user {USER} may write to.")

    @model_validator(mode="after")
    def _one_of_three(self) -> JanitorArchive:
        if [self.s3, self.claim, self.nfs].count(None) != 2:
            raise ValueError("expected one of s3, claim and nfs")
        return self


class JanitorForge(Model):
    """Where the merge requests are that copies are for."""

    kind: Literal["gitlab", "gitea", "github"] = Field(
        description="What the forge is; gitea stands for Forgejo too."
    )
    url: Annotated[str, AfterValidator(_check_url)] = Field(
        description="Its address.", examples=["https://gitlab.example.com"]
    )
    project: str = Field(
        description="The project with the merge requests, as copies name it in `lifetime.merge_request`.",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$",
        examples=["pay/core"],
    )
    token: OnlySecretKey = Field(description="A token that may list merge requests (docs/forges.md).")


def _has_password(address: str) -> bool:
    """Whether there is a password in an address, also in one that has to be escaped to be a right address."""
    rest, _, query = address.partition("://")[2].partition("?")
    if ":" in rest.rpartition("@")[0]:
        return True
    if "@" in query and re.match(r"[^/@\[:]*:(?!\d*([/,]|$))", rest):  # a question mark in it, and no port
        return True
    return any(_SECRET_KEY.search(unquote(part.partition("=")[0])) for part in re.split("[&;]", query))


def _check_backend(value: str | SecretKey) -> str | SecretKey:
    if isinstance(value, SecretKey):
        return value
    if _has_password(value):
        raise ValueError(
            "an address with a password would be readable by everybody; use {secret: NAME, key: KEY}"
        )
    if not re.fullmatch(r"[a-z][a-z0-9+]*://[^\s$]+", value):
        raise ValueError(
            f"'{value}' is no address of a state, such as s3://BUCKET or postgres://USER@HOST/DATABASE"
        )
    return value


class JanitorSpec(CronJobSpec):
    """`poscloud env sweep --yes` as a CronJob, in a fresh clone of the project, as a service account of its own.

    Its rights are those of ClusterRole ``poscloud-janitor`` (docs/access.md).
    """

    kind: Literal["janitor"] = Field(
        "janitor", description="The sweep of the project's copies, by the clock."
    )
    image: str = Field(
        description="Image with poscloud, its toolchain, and sh.",
        examples=["harbor.example.com/ci/poscloud:0.7"],
    )
    git: GitSource = Field(description="The project: a branch, or a tag or commit.")
    context: str = Field(
        description="The context by which the project's stacks know this cluster (`poscloud:context`).",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9@._:/-]*$",
        examples=["office"],
    )
    backend: Annotated[EnvValue, AfterValidator(_check_backend)] = Field(
        description="Address of the state that all share, PULUMI_BACKEND_URL (docs/state.md). Passwords come from "
        "`env`: PGPASSWORD, AWS_SECRET_ACCESS_KEY.",
        examples=["postgres://pulumi@db.example.com/state", {"secret": "state", "key": "url"}],
    )
    passphrase: OnlySecretKey = Field(
        description="The passphrase of the project's stacks.",
        examples=[{"secret": "state", "key": "passphrase"}],
    )
    archive: JanitorArchive = Field(
        description="Where logs and objects of what is removed are kept, whatever the descriptions say."
    )
    forge: JanitorForge | None = Field(
        None,
        description="Where to ask which merge requests are open; left out, copies go by their time alone.",
    )
    schedule: Schedule = Field(
        "*/10 * * * *", description="When a sweep begins: a cron line, or @hourly, @daily and the like."
    )
    fs_group: StrictInt | None = Field(
        USER, ge=1, le=2**31 - 1, description="Group that owns the pod's volumes, where their kind allows."
    )
    resources: Resources = Field(
        resources(cpu=("100m", "2"), memory=("256Mi", "1Gi")), description="CPU and memory of the sweep."
    )

    def check(self) -> Iterator[Finding]:
        """Yield variables that a field sets, and an image of git that cannot be one."""
        yield from super().check()
        yield from check_image(self.git.image, ("git", "image"))
        for variable, field in MANAGED.items():
            if variable in self.env:
                message = f"env.{variable} is set by a field"
                yield Finding(("env", variable), "managed-variable", message, f"use {field}")
