"""JarSource: a Java service whose jar is fetched when its pod starts, instead of being built into an image."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from poscloud.spec.base import DnsName, Model
from poscloud.spec.kubernetes import check_image
from poscloud.spec.placeholders import placeholders

PLACEHOLDERS = ("environment", "service", "version")

_URL = re.compile(r"https?://[^/\s?#@]+/[^\s?#]*")


def _url_pattern(pattern: str) -> str:
    used = placeholders(pattern, PLACEHOLDERS)
    sample = pattern.format(**dict.fromkeys(PLACEHOLDERS, "x"))
    if "version" not in used:
        raise ValueError(f"'{pattern}' has no {{version}}: every version would be the same jar")
    if re.match(r"https?://[^/?#]*@", sample) or "?" in sample:
        # Not the address itself: the message would be one more place to read the secret.
        raise ValueError(
            "an address with a user or with '?' may carry a password or signature, which would be readable by "
            "everybody; use credentials"
        )
    if not _URL.fullmatch(sample):
        raise ValueError(
            f"'{pattern}' makes no address: http(s)://HOST/PATH; with x for placeholders '{sample}'"
        )
    return pattern


def _image(image: str) -> str:
    for finding in check_image(image, ()):
        raise ValueError(finding.message)
    return image


class JarSource(Model):
    """Where the jar of a version is, what it runs on, and how it is known to be the right one."""

    url: Annotated[str, AfterValidator(_url_pattern)] = Field(
        description="Address of a jar on an HTTP server or in an object storage, with {version} and, as needed, "
        "{service} and {environment}.",
        examples=["https://nexus.example.com/repository/jars/{service}/{version}/{service}-{version}.jar"],
    )
    jdk: Annotated[str, AfterValidator(_image)] = Field(
        description="Image with sh and java, which the jar runs in.",
        examples=["harbor.example.com/public/jdk:17"],
    )
    fetcher: Annotated[str, AfterValidator(_image)] | None = Field(
        None,
        description="Image with sh, sha256sum and curl or wget, which fetches the jar; left out, `jdk`.",
        examples=["curlimages/curl:8.10.1"],
    )
    sha256: str | None = Field(
        None,
        description="SHA-256 of the jar, 64 hexadecimal digits; left out, it is fetched from beside the jar (its "
        "address and `.sha256`).",
        pattern=r"^[0-9a-fA-F]{64}$",
    )
    credentials: DnsName | None = Field(
        None,
        description="Secret with the keys username and password (HTTP basic authentication); curl or GNU wget is "
        "needed then.",
    )

    def address(self, environment: str, service: str, version: str) -> str:
        """Return the address of one jar."""
        return self.url.format(environment=environment, service=service, version=version)
