"""In production every image says which one it is."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from poscloud.render.check_pods import pod_specs
from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.part import PartSpec
from poscloud.spec.references import Finding, Path


def check_images(
    environment: EnvironmentSpec, part: PartSpec, manifests: list[Manifest], path: Path
) -> list[Finding]:
    """Return a finding for each image without a tag, or with the tag ``latest``, of a production environment.

    Nobody can tell what such an image was when it was deployed, nor go back to it; and each node may run another one.
    """
    if not environment.is_production():
        return []
    findings = []
    for _, pod in pod_specs(manifests):
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            if why := _unnamed(container["image"]):
                message = (
                    f"container '{container['name']}': image '{container['image']}' {why}; this is production"
                )
                where = place_of_image(environment, part, container, path)
                findings.append(Finding(where, "image-without-tag", message, "name a version"))
    return list(dict.fromkeys(findings))


def _unnamed(image: str) -> str:
    """Return why an image may be another one tomorrow; empty if it may not."""
    if "@" in image:
        return ""
    _, _, tag = image.rpartition("/")[2].partition(":")
    if not tag:
        return "has no tag"
    return "has the tag 'latest', which moves" if tag == "latest" else ""


def place_of_image(environment: EnvironmentSpec, part: PartSpec, container: Manifest, path: Path) -> Path:
    """Return where a person would change the image of ``container``."""
    found = _find(part, container["image"])
    if found is not None:
        return (*path, *found)
    if container["name"] == "filebeat" and not getattr(part, "filebeat", None):
        sidecar = environment.filebeat
        given = sidecar and sidecar.image
        return ("filebeat", "image" if given else "version")
    versions = _find(part, _tag(container["image"]))
    return (*path, *versions) if versions else path


def _tag(image: str) -> str:
    """Return the tag of an image, which is ``latest`` where it has none."""
    return image.rpartition("/")[2].partition(":")[2] or "latest"


def _find(value: Any, wanted: str) -> Path | None:
    """Return where inside ``value`` the text ``wanted`` stands; ``None`` if nowhere."""
    if value == wanted:
        return ()
    steps: dict[Any, Any] = {}
    if isinstance(value, BaseModel):
        steps = {name: getattr(value, name) for name in type(value).model_fields}
    elif isinstance(value, dict):
        steps = value
    elif isinstance(value, (list, tuple)):
        steps = dict(enumerate(value))
    for step, inner in steps.items():
        found = _find(inner, wanted)
        if found is not None:
            return (step, *found)
    return None
