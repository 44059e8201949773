"""Archives in an S3-compatible store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from poscloud.cluster.address import shown
from poscloud.cluster.archive.stores import PART
from poscloud.cluster.s3 import Bucket, open_bucket
from poscloud.errors import ArchiveError, AuthError, DeployError

ANSWER_SECONDS = 30
TRIES = 3


@dataclass(frozen=True)
class S3Store:
    """A folder of a bucket.

    Attributes:
        bucket: The bucket; boto3's client may be used by several threads.
    """

    bucket: Bucket

    def place(self, name: str) -> str:
        """Return the object's address."""
        return f"s3://{self.bucket.name}/{self.bucket.prefix}{name}"

    def put(self, name: str, source: Path) -> None:
        """Upload a file, in parts where it is large; see ``Store``."""
        from boto3.exceptions import S3UploadFailedError

        try:
            self.bucket.client.upload_file(str(source), self.bucket.name, self.bucket.prefix + name)
        except S3UploadFailedError as error:
            raise ArchiveError(
                f"the archive cannot be written: {self.place(name)}: {str(error).rpartition(': ')[2]}",
                hint="is the bucket there, and may these credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE) write to it?",
            ) from None

    def read(self, name: str) -> Iterator[bytes]:
        """Download an object; see ``Store``."""
        answer = self.bucket.client.get_object(Bucket=self.bucket.name, Key=self.bucket.prefix + name)
        yield from answer["Body"].iter_chunks(PART)

    def discard(self, folder: str) -> None:
        """Remove the objects below a folder as far as that is possible; see ``Store``."""
        client = self.bucket.client
        with suppress(Exception):  # the reason for it is about to be told
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket.name, Prefix=f"{self.bucket.prefix}{folder}/"
            )
            for item in [item for page in pages for item in page.get("Contents", [])]:
                client.delete_object(Bucket=self.bucket.name, Key=item["Key"])


@contextmanager
def open_s3(url: str) -> Iterator[S3Store]:
    """Open the bucket of an address; credentials come from AWS' own variables and files.

    Raises:
        ArchiveError: boto3 is not installed; the store does not answer, refuses, or has no such bucket.
    """
    hint = "start the server, or correct `archive` in the environment's description"
    try:
        with open_bucket(url, "the archive", seconds=ANSWER_SECONDS, tries=TRIES, hint=hint) as bucket:
            yield S3Store(bucket)
    except ImportError:
        raise ArchiveError(
            f"for the archive {shown(url)}, poscloud[s3] has to be installed",
            hint=f"run: {sys.executable} -m pip install 'poscloud[s3]'",
        ) from None
    except (AuthError, DeployError) as error:
        raise ArchiveError(error.message, hint=error.hint) from None
