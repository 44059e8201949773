"""``poscloud cluster images``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, root

if TYPE_CHECKING:
    from poscloud.local.nodeimages.prune import Pruned
    from poscloud.local.nodeimages.report import ImageReport


def images(
    names: Annotated[list[str] | None, typer.Argument(help="Which images; left out, all.")] = None,
    build: Annotated[bool, typer.Option("--build", help="Make what is missing of them.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove layers that no recipe names and no project has any more.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the images of real nodes: what is in them, their size, and which references they stand for.

    `up` makes what an environment needs. A project's own are described by cluster-images.toml (docs/real-nodes.md).

    `--prune` leaves alone what another project's folder has, and ends where an `up` makes images at the moment.

    Example: poscloud cluster images --build redis kafka
    """
    from poscloud.errors import UsageError
    from poscloud.local.nodeimages import ensure_images
    from poscloud.local.nodeimages.prune import prune as prune_cache
    from poscloud.local.nodeimages.report import report
    from poscloud.local.nodeimages.table import by_tag
    from poscloud.local.progress import ConsoleReporter

    if prune and names:
        message = f"--prune looks at all layers, and {' '.join(names)} was named"
        raise UsageError(message, hint="poscloud cluster images --prune")
    project = root()
    found = report(project)
    known = [image.name for image in found]
    for name in names or ():
        if tagged := by_tag(name):
            message = f"'{name}' names a digest; images made here have digests of their own"
            raise UsageError(message, hint=f"name it by its tag in the description: {tagged}")
        if name not in known:
            raise UsageError(f"there is no image '{name}'", hint=f"known: {', '.join(known)}")
    if build:
        ensure_images(ConsoleReporter(), names or None, root=project)
        found = report(project)
    if prune:
        _tell(prune_cache(project, ConsoleReporter()))
    chosen = [image for image in found if not names or image.name in names]
    if json:
        _output.write_json({"images": [_as_data(image) for image in chosen]})
        return
    rows = [["IMAGE", "VERSION", "SIZE", "STANDS FOR", "WHAT IT IS"]]
    for image in chosen:
        size = f"{image.size / 1e6:.1f} MB" if image.built else "not made"
        rows.append([image.name, image.version, size, " ".join(image.names) or "-", image.about])
    _output.table(rows)


def _tell(gone: Pruned) -> None:
    for entry in gone.names:
        _output.tell(f"removed {entry}")
    _output.tell(f"{len(gone.names)} layers removed, {gone.size / 1e6:.1f} MB")


def _as_data(image: ImageReport) -> dict[str, Any]:
    return {
        "name": image.name,
        "about": image.about,
        "base": image.base or None,
        "version": image.version,
        "built": image.built,
        "size": image.size,
        "layer": image.own,
        "names": list(image.names),
        "packages": dict(image.packages),
    }
