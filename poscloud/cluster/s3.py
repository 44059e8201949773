"""S3-compatible stores: opening the bucket of an address, and what their refusals mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from poscloud.cluster.address import scrubbed, shown
from poscloud.errors import AuthError, DeployError

_REFUSED = {"403", "401", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


@dataclass(frozen=True)
class Bucket:
    """A bucket, or a folder of one.

    Attributes:
        client: boto3's; it has no types.
        name: The bucket's name.
        prefix: What stands before each key; empty, or ends with a slash.
    """

    client: Any
    name: str
    prefix: str


@contextmanager
def open_bucket(url: str, what: str, *, seconds: float, tries: int, hint: str) -> Iterator[Bucket]:
    """Open the bucket of an address ``s3://BUCKET/FOLDER?region=…&endpoint=…``, with AWS' own chain of credentials.

    Args:
        url: The address.
        what: What it is used for, for messages: ``the state backend``.
        seconds: How long the store may take to answer.
        tries: How often a request is tried.
        hint: What to do where the store does not answer.

    Raises:
        ImportError: boto3 is not installed.
        AuthError: The store refuses the credentials, or there are none.
        DeployError: The store cannot be reached, or the bucket is not there.
    """
    from botocore import exceptions

    parts = urlsplit(url)
    folder = parts.path.strip("/")
    try:
        client = _client(dict(parse_qsl(parts.query)), seconds, tries)
        yield Bucket(client, parts.netloc, f"{folder}/" if folder else "")
    except exceptions.ClientError as error:
        raise _refused(error, url, what) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise AuthError(
            f"{what} {shown(url)} needs credentials: {error}",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        ) from None
    except exceptions.BotoCoreError as error:
        raise DeployError(
            f"{what} {shown(url)} does not answer: {scrubbed(str(error), url)}", hint=hint
        ) from None


def _client(parameters: dict[str, str], seconds: float, tries: int) -> Any:
    import boto3
    from botocore.config import Config

    endpoint = parameters.get("endpoint") or None
    if endpoint and "://" not in endpoint:
        plain = "true" in (parameters.get("disableSSL"), parameters.get("disable_https"))
        endpoint = f"{'http' if plain else 'https'}://{endpoint}"
    by_path = "true" in (parameters.get("s3ForcePathStyle"), parameters.get("use_path_style"))
    session = boto3.Session(profile_name=parameters.get("profile"), region_name=parameters.get("region"))
    config = Config(
        connect_timeout=seconds,
        read_timeout=seconds,
        retries={"total_max_attempts": tries},
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
