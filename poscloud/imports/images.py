"""Which registry and which patterns explain the most of the images that are used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from poscloud.imports.source import SIDECAR, Workload, texts
from poscloud.spec.environment import Images

SERVICE_PATTERNS = (
    "{registry}/{environment}-{service}:{version}",
    "{registry}/{environment}/{service}:{version}",
    "{registry}/{service}:{version}",
)
"""Those that are looked for, the default first."""

_IMAGE = re.compile(r"(?P<path>[^@]+?)(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*))?")


@dataclass(frozen=True)
class ImageNames:
    """How the images of an environment are called.

    Attributes:
        environment: Its name.
        registry: Registry and project of most of them.
        service: The pattern of most services.
    """

    environment: str
    registry: str
    service: str

    def of_service(self, image: str, service: str) -> dict[str, str]:
        """Return the fields that say the image of a service: ``version`` by the pattern, or ``image``."""
        return self._fields(image, self.service.replace("{service}", _literal(service)))

    def of_program(self, image: str, kind: str) -> dict[str, str]:
        """Return the fields that say the image of a backing service, or of a service that runs a known program."""
        return self._fields(image, Images().backing.replace("{kind}", _literal(kind)))

    def of_sidecar(self, image: str) -> dict[str, str]:
        """Return the fields that say the image of the sidecar."""
        return self._fields(image, Images().sidecar)

    def _fields(self, image: str, pattern: str) -> dict[str, str]:
        beginning, _, _ = pattern.format(
            registry=self.registry, environment=self.environment, version="\0"
        ).partition("\0")
        tag = image.removeprefix(beginning)
        return {"version": tag} if tag != image and "/" not in tag and "@" not in tag else {"image": image}


def _literal(name: str) -> str:
    """Return a name as a pattern has it: a manifest may call something by any word, also one with braces."""
    return name.replace("{", "{{").replace("}", "}}")


def tag_of(image: str) -> str | None:
    """Return the tag of an image, if it has one."""
    found = _IMAGE.fullmatch(image)
    return found["tag"] if found else None


def image_names(environment: str, workloads: Iterable[Workload]) -> ImageNames | None:
    """Return how the images are called; ``None`` if nothing is known of any."""
    services: Counter[tuple[str, str]] = Counter()
    registries: Counter[str] = Counter()
    for workload in workloads:
        for container in workload.pod["containers"]:
            path = _path(container.get("image", ""))
            if "/" not in path:
                continue
            registry = path.rpartition("/")[0]
            registries[registry] += 1
            if container["name"] == SIDECAR or workload.kind == "StatefulSet":
                continue
            name = texts(workload.env).get("GIT_REPO_NAME") or container["name"]
            for pattern in SERVICE_PATTERNS:
                ending = pattern.format(registry="", environment=environment, service=name, version="")[:-1]
                if path.endswith(ending):
                    services[path.removesuffix(ending), pattern] += 1
    if not registries:
        return None
    for (registry, _), count in services.items():
        registries[registry] += count
    registry = max(registries, key=lambda r: (registries[r], -len(r)))
    fitting = {pattern: count for (r, pattern), count in services.items() if r == registry}
    chosen = max(fitting, key=lambda p: fitting[p]) if fitting else SERVICE_PATTERNS[0]
    return ImageNames(environment, registry, chosen)


def _path(image: str) -> str:
    found = _IMAGE.fullmatch(image)
    return found["path"] if found else ""
