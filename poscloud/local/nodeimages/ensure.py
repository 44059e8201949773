"""The layout that the nodes' registry serves, and its table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import UsageError
from poscloud.local.locks import exclusive, shared
from poscloud.local.nodeimages import make, oci, project
from poscloud.local.nodeimages.recipes import Recipe, chain
from poscloud.local.nodeimages.table import write_table
from poscloud.local.paths import ProjectPaths, cache_root, private_directory
from poscloud.local.progress import Reporter


@dataclass(frozen=True)
class Images:
    """What the nodes' registry serves.

    Attributes:
        layout: An OCI image layout; an image's name is in the index's annotations. Images are added to it at any
            time, so the index is read anew for each question.
        table: JSON, a list of ``{"pattern": …, "image": …}``; the first one that fits counts.
    """

    layout: Path
    table: Path


def place(root: Path | None) -> Images:
    """Return where layout and table of a project are; without one, those of poscloud's own images."""
    folder = ProjectPaths(root).owned / "images" if root else cache_root() / "images" / "layout"
    return Images(folder / "layout", folder / "table.json")


def ensure_images(
    reporter: Reporter, names: Iterable[str] | None = None, *, root: Path | None = None
) -> Images:
    """Make sure that images are in the layout, and that the table is written; makes what is missing.

    Args:
        reporter: Told what is being done.
        names: Which images, with what they are based on; by default all.
        root: The project's folder, for its own images and the place of its layout; by default poscloud's own images
            and a layout in the cache.

    Raises:
        InputError: The project describes its images wrongly.
        UsageError: There is no image of that name.
        DeployError: What goes into one cannot be had.
    """
    recipes = project.recipes(root)
    wanted = list(recipes) if names is None else list(names)
    for name in wanted:
        if name not in recipes:
            raise UsageError(
                f"there is no image '{name}'; known: {', '.join(recipes)}",
                hint="run: poscloud cluster images",
            )
    images = place(root)
    for folder in (images.table.parent, images.layout):
        private_directory(folder)
    with shared(in_use(), reporter, purpose="the images' cache"):
        _make(images, wanted, recipes, root, reporter)
    return images


def in_use() -> Path:
    """Return the lock that is held, shared, by who makes and links layers of the cache; alone, by who removes some."""
    return cache_root() / "images" / ".use.lock"


def _make(
    images: Images, wanted: list[str], recipes: Mapping[str, Recipe], root: Path | None, reporter: Reporter
) -> None:
    log = cache_root() / "images" / "images.log"
    private_directory(log.parent)
    if (steps := make.steps(wanted, recipes)) > 1:
        reporter.plan(steps)
    found = {name: make.make_all(name, recipes, reporter, log) for name in wanted}
    reporter.plan(0)
    with exclusive(images.table.parent / "lock", reporter, purpose="images"):
        index = {n: entry for n, entry in oci.read_index(images.layout).items() if n in recipes}
        before = dict(index)
        for name, layers in found.items():
            blobs = [layer.blob for layer in layers]
            index[name] = oci.write_image(images.layout, chain(name, recipes), blobs)
        if index != before or not (images.layout / "oci-layout").exists():
            oci.write_index(images.layout, index)
            oci.remove_unused(images.layout)
        write_table(images.table, project.names(root))
