"""ArchiveSpec: where logs and objects of an environment are kept when it is destroyed."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, model_validator

from poscloud.spec.base import Model

S3_PARAMETERS = frozenset(
    {"region", "endpoint", "profile", "disableSSL", "disable_https", "s3ForcePathStyle", "use_path_style"}
)
"""What an S3 address may have behind its ``?``, named as in the engine's own addresses."""


def check_s3(url: str) -> str:
    """Return ``url`` if it is the address of a bucket, without credentials, else raise ``ValueError``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("no address; expected s3://BUCKET/FOLDER?endpoint=HOST:PORT") from None
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc:
        raise ValueError("expected s3://BUCKET/FOLDER?endpoint=HOST:PORT, without credentials")
    if unknown := sorted({name for name, _ in parse_qsl(parts.query)} - S3_PARAMETERS):
        known = ", ".join(sorted(S3_PARAMETERS))
        raise ValueError(f"{', '.join(unknown)} is not known here; known: {known}")
    return url


class ArchiveSpec(Model):
    """A folder, or a bucket of an S3-compatible store; one of the two."""

    folder: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="A folder, also one mounted from a file server (NFS); relative to the project's.",
        examples=["/srv/archive"],
    )
    s3: Annotated[str, AfterValidator(check_s3)] | None = Field(
        None,
        description="A bucket, and a folder in it. Credentials come from AWS' own variables and files.",
        examples=["s3://archive/poscloud?endpoint=minio.example.com:9000&s3ForcePathStyle=true"],
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> ArchiveSpec:
        if (self.folder is None) == (self.s3 is None):
            raise ValueError("expected one of folder and s3")
        return self
