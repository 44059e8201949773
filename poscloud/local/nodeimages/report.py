"""What there is of the images: for ``poscloud cluster images``, ``cluster status`` and ``doctor``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poscloud.local.nodeimages import make, project
from poscloud.local.nodeimages.recipes import chain, digests


@dataclass(frozen=True)
class ImageReport:
    """One image.

    Attributes:
        name: What it is called.
        about: What it is for.
        base: The image below it; empty: none.
        version: What is in it; as long as it is not made, what its recipe says.
        own: Bytes of its own layer; 0 as long as it is not made.
        size: Bytes of all its layers; 0 as long as they are not all made.
        names: Patterns of the references that it stands for.
        packages: Debian packages of its own layer, with their versions.
    """

    name: str
    about: str
    base: str
    version: str
    own: int
    size: int
    names: tuple[str, ...]
    packages: Mapping[str, str]

    @property
    def built(self) -> bool:
        """Whether it can be run without making anything."""
        return self.size > 0


def report(root: Path | None) -> list[ImageReport]:
    """Look at every image; makes nothing.

    Args:
        root: The project's folder, for its own images; ``None``: poscloud's alone.

    Raises:
        InputError: The project describes its images wrongly.
    """
    recipes = project.recipes(root)
    known, table = digests(recipes), project.names(root)
    found = []
    for name, recipe in recipes.items():
        layers = [make.made(below, known[below.name]) for below in chain(name, recipes)]
        own = layers[-1]
        whole = sum(layer.blob.size for layer in layers if layer) if all(layers) else 0
        found.append(
            ImageReport(
                name=name,
                about=recipe.about,
                base=recipe.base,
                version=own.version if own else recipe.version or next(iter(recipe.debian.values()), ""),
                own=own.blob.size if own else 0,
                size=whole,
                names=tuple(line.pattern for line in table if line.image == name),
                packages=own.packages if own else {},
            )
        )
    return found


def summary(root: Path | None) -> str:
    """Return in a line how many images are made, and how long the table is."""
    images = report(root)
    made = [image for image in images if image.built]
    names = sum(len(image.names) for image in images)
    size = sum(image.own for image in images) / 1e6
    return f"{len(made)} of {len(images)} images made, {size:.0f} MB; the table has {names} names"
