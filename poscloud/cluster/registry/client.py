"""What a registry has of an image: asked by GET and HEAD alone, as a node that pulls it would ask."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from poscloud.cluster.registry.reference import DOCKER_HUB, Reference

SECONDS = 3.0
"""Longest time of one answer."""

LARGEST = 4 * 2**20
"""Most bytes of a manifest or a configuration that are read, what registries take at most."""

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class UnaskedError(Exception):
    """The registry could not be asked; the text says why."""


@dataclass(frozen=True)
class Found:
    """What a registry has of an image.

    Attributes:
        there: Whether there is a manifest at all.
        architectures: For which processors, ``amd64``; empty where it does not say.
        missing: Of these, the ones whose manifest an index names and the registry does not have.
    """

    there: bool
    architectures: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()


def look_up(image: Reference, wanted: frozenset[str]) -> Found:
    """Return what a registry has of an image.

    Args:
        image: Which one.
        wanted: Processors of which an index's own manifests are looked up too.

    Raises:
        UnaskedError: It could not be asked.
    """
    session = _Session(image)
    kind, manifest = session.manifest(image.reference)
    if manifest is None:
        return Found(there=False)
    if kind not in INDEXES and "manifests" not in manifest:
        return Found(there=True, architectures=session.architecture(manifest))
    entries = [
        e for e in manifest.get("manifests") or [] if (e.get("platform") or {}).get("os", "linux") == "linux"
    ]
    by_processor = {
        str(e["platform"]["architecture"]): str(e["digest"])
        for e in entries
        if (e.get("platform") or {}).get("architecture") and e.get("digest")
    }
    missing = {p for p in wanted & by_processor.keys() if session.manifest(by_processor[p])[1] is None}
    return Found(there=True, architectures=frozenset(by_processor), missing=frozenset(missing))


class _Session:
    """Questions about one repository, with the token that the registry gives for it."""

    def __init__(self, image: Reference) -> None:
        self._image, self._authorization = image, ""
        self._base = f"{image.address}/v2/{quote(image.repository)}"

    def manifest(self, reference: str) -> tuple[str, dict[str, Any] | None]:
        """Return the kind and content of a manifest; ``None`` if there is none."""
        accept = ", ".join((*INDEXES, *MANIFESTS))
        return self._get(f"{self._base}/manifests/{quote(reference, safe=':')}", accept)

    def architecture(self, manifest: dict[str, Any]) -> frozenset[str]:
        """Return the processor that an image's own configuration names."""
        digest = (manifest.get("config") or {}).get("digest")
        found = self._get(f"{self._base}/blobs/{quote(str(digest), safe=':')}", "*/*")[1] if digest else None
        return frozenset({str(found["architecture"])} if found and found.get("architecture") else ())

    def _get(self, url: str, accept: str) -> tuple[str, dict[str, Any] | None]:
        try:
            return self._once(url, accept)
        except HTTPError as error:
            if error.code == 404:
                return "", None
            challenge = error.headers.get("WWW-Authenticate", "")
            if error.code != 401 or self._authorization or not challenge:
                raise UnaskedError(_refused(error.code)) from None
        try:
            self._authorization = self._authorize(challenge)
        except HTTPError as error:  # of who gives tokens, which tells nothing of the image
            raise UnaskedError(_refused(error.code)) from None
        try:
            return self._once(url, accept)
        except HTTPError as error:
            if error.code == 404:
                return "", None
            raise UnaskedError(_refused(error.code)) from None

    def _once(self, url: str, accept: str) -> tuple[str, dict[str, Any]]:
        request = Request(url, headers={"Accept": accept, "User-Agent": "poscloud"})
        if self._authorization:  # not sent on to where the registry redirects to
            request.add_unredirected_header("Authorization", self._authorization)
        return _answer(request)

    def _authorize(self, challenge: str) -> str:
        """Return the header that a challenge asks for; empty where there are no credentials."""
        login = _login(self._image.host)
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            if not login:
                raise UnaskedError(_refused(401))
            return f"Basic {login}"
        given = dict(_CHALLENGE.findall(rest))
        realm = given.pop("realm", "")
        if not realm.startswith(("https://", "http://127.", "http://localhost")):
            raise UnaskedError("its answer names no place to log in to")
        request = Request(
            f"{realm}?{urlencode({k: v for k, v in given.items() if k in ('service', 'scope')})}"
        )
        if login:
            request.add_unredirected_header("Authorization", f"Basic {login}")
        _, answer = _answer(request)
        return f"Bearer {answer.get('token') or answer.get('access_token') or ''}"


def _answer(request: Request) -> tuple[str, dict[str, Any]]:
    """Return the kind and the content of an answer; raises ``HTTPError``, and ``UnaskedError`` for all else."""
    try:
        with urlopen(request, timeout=SECONDS) as answer:
            kind = str(answer.headers.get_content_type())
            content = json.loads(answer.read(LARGEST))
    except HTTPError:
        raise
    except (HTTPException, URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnaskedError(
            getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        ) from None
    if not isinstance(content, dict):
        raise UnaskedError("its answer is no manifest")
    return kind, content


def _refused(code: int) -> str:
    if code in (401, 403):
        return f"HTTP {code}: it wants a login, which is taken from ~/.docker/config.json (DOCKER_CONFIG)"
    return f"HTTP {code}"


def _login(host: str) -> str:
    """Return what docker's configuration has for a registry, encoded as it stands there; helpers are not run."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or "~/.docker").expanduser()
    try:
        auths = json.loads((folder / "config.json").read_text()).get("auths") or {}
    except (OSError, ValueError, AttributeError):
        return ""
    names = ("https://index.docker.io/v1/", "docker.io") if host == DOCKER_HUB else (host, f"https://{host}")
    entry: dict[str, str] = next((auths[name] for name in names if isinstance(auths.get(name), dict)), {})
    if entry.get("username") and entry.get("password"):
        return base64.b64encode(f"{entry['username']}:{entry['password']}".encode()).decode()
    return str(entry.get("auth") or "")
