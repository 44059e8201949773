"""State in an S3-compatible store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from poscloud.cluster.address import shown
from poscloud.cluster.s3 import open_bucket
from poscloud.engine.backends.store import ANSWER_SECONDS, BackendUnreadableError, missing_extra

BACKEND = "PULUMI_BACKEND_URL"
_KNOWN = {
    "region", "endpoint", "profile", "disableSSL", "disable_https", "s3ForcePathStyle", "use_path_style",
    "hostname_immutable", "awssdk", "rate_limiter_capacity", "request_checksum_calculation",
    "response_checksum_validation",
}  # fmt: skip


@dataclass(frozen=True)
class S3Store:
    """A bucket, or a folder of one.

    Attributes:
        client: boto3's; it has no types.
        bucket: Its name.
        prefix: What stands before each key.
    """

    client: Any
    bucket: str
    prefix: str

    def keys(self, folder: str) -> list[str]:
        """Return the keys below a folder."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + folder
        )
        found = [item["Key"].removeprefix(self.prefix) for page in pages for item in page.get("Contents", [])]
        return sorted(key for key in found if not key.endswith("/"))

    def read(self, key: str) -> bytes | None:
        """Return an object's content."""
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)
        except self.client.exceptions.NoSuchKey:
            return None
        content: bytes = answer["Body"].read()
        return content

    def write(self, key: str, content: bytes) -> None:
        """Write an object; readers see the old one or the new one."""
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=content)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)


@contextmanager
def open_s3(url: str, what: str = "the state backend", setting: str = BACKEND) -> Iterator[S3Store]:
    """Open the bucket of an address ``s3://BUCKET/FOLDER?region=…&endpoint=…``, with AWS' own chain of credentials.

    Args:
        url: The address.
        what: What it holds, for messages.
        setting: Where the address was given, for messages.

    Raises:
        BackendUnreadableError: boto3 is not installed, or the address has a parameter that poscloud does not know.
        AuthError: The store refuses the credentials, or there are none.
        DeployError: The store cannot be reached, or the bucket is not there.
    """
    if unknown := sorted({name for name, _ in parse_qsl(urlsplit(url).query)} - _KNOWN):
        raise BackendUnreadableError(
            f"poscloud cannot look into {what} {shown(url)}: it does not know {', '.join(unknown)}",
            hint="the engine itself tells who holds a stack, and removes all its locks: pulumi cancel"
            if setting == BACKEND
            else f"known are: {', '.join(sorted(_KNOWN))}",
        )
    hint = f"start the server, or set {setting} to the right address"
    try:
        with open_bucket(url, what, seconds=ANSWER_SECONDS, tries=1, hint=hint) as bucket:
            yield S3Store(bucket.client, bucket.name, bucket.prefix)
    except ImportError as error:
        raise missing_extra(url, "s3", what) from error
