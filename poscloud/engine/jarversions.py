"""Which versions of a jar a store has: what a Maven repository says in the ``maven-metadata.xml`` beside them."""

from __future__ import annotations

from urllib.parse import urlsplit
from xml.etree import ElementTree

from poscloud.engine.jars import fetched, is_there
from poscloud.errors import PosCloudError
from poscloud.spec import JarSource

INDEX = "maven-metadata.xml"
LONGEST = 4 * 1024 * 1024
"""Bytes of such a file that are read; one of ten thousand versions has less than one million."""


def latest_good(jar: JarSource, environment: str, service: str) -> str:
    """Return the newest version whose jar and checksum are in the store.

    Raises:
        PosCloudError: The store does not say which versions there are, or none is complete.
    """
    where = index_address(jar, environment, service)
    known = versions(fetched(where, LONGEST), where)
    for version in known:
        url = jar.address(environment, service, version)
        if is_there(url) and (jar.sha256 or is_there(f"{url}.sha256")):
            return version
    raise PosCloudError(
        f"none of the {len(known)} versions of '{service}' that {where} names is there with its checksum",
        hint=f"give a version: poscloud push-jar VERSION {service} -s {environment}",
    )


def index_address(jar: JarSource, environment: str, service: str) -> str:
    """Return where a Maven repository says which versions of a service there are.

    Raises:
        PosCloudError: The jars are not kept as Maven does, each version in a folder of its own.
    """
    folder, found, _ = jar.url.partition("/{version}/")
    if not found or "{version}" in folder:
        raise PosCloudError(
            f"jar.url of '{service}' has no folder for each version, so that nobody can say which is the latest",
            hint=f"give a version: poscloud push-jar VERSION {service} -s {environment}",
        )
    return f"{folder.format(environment=environment, service=service)}/{INDEX}"


def versions(text: bytes, where: str) -> list[str]:
    """Return the versions of a ``maven-metadata.xml``, the newest first.

    Raises:
        PosCloudError: It is no such file, or names none.
    """
    try:
        versioning = ElementTree.fromstring(text).find("versioning")
    except (ElementTree.ParseError, ValueError) as error:
        raise PosCloudError(f"{where} is not what Maven writes: {error}", hint="give a version") from None
    found: list[str] = []
    if versioning is not None:
        newest = [versioning.findtext(name) for name in ("release", "latest")]
        kept = [each.text for each in versioning.iterfind("versions/version")]
        found = [text.strip() for text in (*newest, *reversed(kept)) if text and text.strip()]
    if not found:
        raise PosCloudError(f"{where} names no versions", hint=f"look at {urlsplit(where).netloc}")
    return list(dict.fromkeys(found))
