"""State in an S3-compatible store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from poscloud.engine.backends.address import scrubbed, shown
from poscloud.engine.backends.store import ANSWER_SECONDS, BackendUnreadableError, missing_extra
from poscloud.errors import AuthError, DeployError

BACKEND = "PULUMI_BACKEND_URL"
_KNOWN = {
    "region", "endpoint", "profile", "disableSSL", "disable_https", "s3ForcePathStyle", "use_path_style",
    "hostname_immutable", "awssdk", "rate_limiter_capacity", "request_checksum_calculation",
    "response_checksum_validation",
}  # fmt: skip
_REFUSED = {"403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


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
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query))
    if unknown := sorted(set(parameters) - _KNOWN):
        raise BackendUnreadableError(
            f"poscloud cannot look into {what} {shown(url)}: it does not know {', '.join(unknown)}",
            hint="the engine itself tells who holds a stack, and removes all its locks: pulumi cancel"
            if setting == BACKEND
            else f"known are: {', '.join(sorted(_KNOWN))}",
        )
    try:
        from botocore import exceptions
    except ImportError as error:
        raise missing_extra(url, "s3", what) from error
    folder = parts.path.strip("/")
    try:
        yield S3Store(_client(parameters), parts.netloc, f"{folder}/" if folder else "")
    except exceptions.ClientError as error:
        raise _refused(error, url, what) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise AuthError(
            f"{what} {shown(url)} needs credentials: {error}",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        ) from None
    except exceptions.BotoCoreError as error:
        raise DeployError(
            f"{what} {shown(url)} does not answer: {scrubbed(str(error), url)}",
            hint=f"start the server, or set {setting} to the right address",
        ) from None


def _client(parameters: dict[str, str]) -> Any:
    import boto3
    from botocore.config import Config

    endpoint = parameters.get("endpoint") or None
    if endpoint and "://" not in endpoint:
        plain = "true" in (parameters.get("disableSSL"), parameters.get("disable_https"))
        endpoint = f"{'http' if plain else 'https'}://{endpoint}"
    by_path = "true" in (parameters.get("s3ForcePathStyle"), parameters.get("use_path_style"))
    session = boto3.Session(profile_name=parameters.get("profile"), region_name=parameters.get("region"))
    config = Config(
        connect_timeout=ANSWER_SECONDS,
        read_timeout=ANSWER_SECONDS,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path" if by_path else "auto"},
    )
    return session.client("s3", endpoint_url=endpoint, config=config)


def _refused(error: Any, url: str, what: str) -> DeployError | AuthError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _REFUSED:
        return AuthError(
            f"{what} {shown(url)} rejected the credentials: {code}",
            hint="check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        )
    hint = "make the bucket first" if code == "NoSuchBucket" else "run: poscloud doctor"
    return DeployError(f"{what} {shown(url)} refused: {scrubbed(str(error), url)}", hint=hint)
