"""An image's name taken apart: ``HOST/REPOSITORY:TAG``, ``REPOSITORY@sha256:…``."""

from __future__ import annotations

from dataclasses import dataclass

DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class Reference:
    """Where an image is.

    Attributes:
        host: Name or address of the registry, perhaps with a port.
        repository: Its path there.
        reference: Tag or digest.
    """

    host: str
    repository: str
    reference: str

    @property
    def address(self) -> str:
        """Where the registry's API is: plain HTTP on this machine, as container runtimes have it, else HTTPS."""
        host = "registry-1.docker.io" if self.host == DOCKER_HUB else self.host
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        local = name == "localhost" or name.startswith("127.") or name == "[::1]"
        return f"{'http' if local else 'https'}://{host}"


def parse(image: str) -> Reference:
    """Return an image's name taken apart, with what a container runtime puts in where it is left out."""
    rest, _, digest = image.partition("@")
    name, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:  # the colon is that of a port
        name, tag = rest, ""
    host, slash, repository = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, repository = DOCKER_HUB, name
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(host, repository, digest or tag or "latest")
