"""Which images are built, in which order, under which names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import PosCloudError
from poscloud.images.dockerfile import Recipe, render
from poscloud.spec import EnvironmentSpec
from poscloud.spec.image import ImageSpec, ImagesSpec
from poscloud.spec.kubernetes import check_tag
from poscloud.spec.references import in_order, nearest


@dataclass(frozen=True)
class Planned:
    """One image to be built.

    Attributes:
        name: Its name in the file.
        spec: Its description.
        folder: The project's folder.
        tag: Its tag.
        reference: Its name with registry and tag.
        recipe: Dockerfile and scripts.
        after: The images that are built before it.
    """

    name: str
    spec: ImageSpec
    folder: Path
    tag: str
    reference: str
    recipe: Recipe
    after: frozenset[str]


def plan(
    images: ImagesSpec,
    environment: EnvironmentSpec,
    names: Iterable[str],
    folder: Path,
    tag_of: Callable[[Path], str],
) -> list[Planned]:
    """Return the images to build for ``names``, with all they are built on and need, each after those.

    Args:
        images: All images of the file.
        environment: The stack's: its registry, its name, its pattern of names.
        names: What is wanted; empty: all.
        folder: The file's folder.
        tag_of: From a project's folder to its tag.

    Raises:
        PosCloudError: An image is not in the file, or has no base for this environment, or its tag is none.
    """
    wanted = list(names) or list(images.images)
    for name in wanted:
        if name not in images.images:
            raise PosCloudError(f"no image is called '{name}'", hint=nearest(name, images.images))
    planned: dict[str, Planned] = {}
    for name in _order(images, wanted):
        spec = images.images[name]
        base = spec.base_for(environment.name)
        if base is None:
            patterns = ", ".join(ref[-1] for ref, _ in spec.bases())
            raise PosCloudError(f"image '{name}' has no base for {environment.name}, only for {patterns}")
        base = planned[base].reference if base in planned else _filled(base, environment, name)
        project = folder / spec.context
        if not project.is_dir():
            raise PosCloudError(f"image '{name}': there is no folder {project}")
        tag = tag_of(project)
        if check_tag(tag, ()):
            raise PosCloudError(f"'{tag}' cannot be an image's tag")
        planned[name] = Planned(
            name,
            spec,
            project,
            tag,
            _reference(name, spec, environment, tag),
            render(name, spec, base),
            images.after(name),
        )
    return list(planned.values())


def _order(images: ImagesSpec, wanted: Iterable[str]) -> list[str]:
    graph: dict[str, frozenset[str]] = {}
    left = list(wanted)
    while left:
        name = left.pop()
        if name not in graph:
            graph[name] = images.after(name)
            left += graph[name]
    return in_order(graph)


def _reference(name: str, spec: ImageSpec, environment: EnvironmentSpec, tag: str) -> str:
    if spec.repository is not None:
        return f"{_filled(spec.repository, environment, name)}:{tag}"
    return environment.images.service.format(
        registry=environment.registry, environment=environment.name, service=name, version=tag
    )


def _filled(pattern: str, environment: EnvironmentSpec, name: str) -> str:
    values = {"registry": environment.registry, "environment": environment.name, "name": name}
    for field, value in values.items():
        pattern = pattern.replace(f"{{{field}}}", value)
    return pattern
