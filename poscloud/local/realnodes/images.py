"""Where the nodes' images come from: an OCI image layout and a table of names, linked into the cluster's folder."""

from __future__ import annotations

import os
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths, private_directory
from poscloud.local.progress import Reporter
from poscloud.local.realnodes.layout import images_folder

CHOICE = "POSCLOUD_NODE_IMAGES"
"""A folder with ``layout/`` (an OCI image layout) and ``table.json``; used instead of what is made here."""


def link(paths: ProjectPaths, reporter: Reporter) -> None:
    """Have the registry find the images under the cluster's folder, whatever version of them is current.

    Both are links: images may be added while the cluster runs.

    Raises:
        DeployError: There are none, or their table cannot be read.
    """
    from poscloud.local.nodeimages.table import check_table  # only here: it takes a while to load

    layout, table = given() or _made(paths, reporter)
    for file in (layout / "index.json", table):
        if not file.is_file():
            raise DeployError(
                f"no images for real nodes: {file} is missing", hint="poscloud cluster up --nodes kwok"
            )
    check_table(table)
    folder = private_directory(images_folder(paths))
    for name, target in (("layout", layout), ("table.json", table)):
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        os.replace(temporary, folder / name)


def given() -> tuple[Path, Path] | None:
    """Return the layout and the table that the user chose instead of those made here."""
    folder = os.environ.get(CHOICE)
    return (Path(folder) / "layout", Path(folder) / "table.json") if folder else None


def _made(paths: ProjectPaths, reporter: Reporter) -> tuple[Path, Path]:
    from poscloud.local.nodeimages import ensure_images

    # The nodes themselves need only this one; what an environment needs is made when it is brought up.
    made = ensure_images(reporter, ["pause"], root=paths.root)
    return made.layout, made.table
