"""Where the nodes' images come from: an OCI image layout and a table of names, linked into the cluster's folder."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from typing import Any

from poscloud.errors import DeployError
from poscloud.local.paths import ProjectPaths, private_directory, write_private
from poscloud.local.progress import Reporter
from poscloud.local.realnodes.layout import images_folder

CHOICE = "POSCLOUD_NODE_IMAGES"
"""A folder with ``layout/`` (an OCI image layout) and ``table.json``; used instead of what is made here."""


def link(paths: ProjectPaths, reporter: Reporter) -> None:
    """Have the registry find the images under the cluster's folder, whatever version of them is current.

    Raises:
        DeployError: There are none.
    """
    layout, table = _chosen() or _made(reporter)
    for file in (layout / "index.json", table):
        if not file.is_file():
            raise DeployError(
                f"no images for real nodes: {file} is missing", hint="poscloud cluster up --nodes kwok"
            )
    folder = private_directory(images_folder(paths))
    write_private(folder / "table.json", table.read_bytes())
    temporary = folder / f".layout.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(layout)
    os.replace(temporary, folder / "layout")


def _chosen() -> tuple[Path, Path] | None:
    folder = os.environ.get(CHOICE)
    return (Path(folder) / "layout", Path(folder) / "table.json") if folder else None


def _made(reporter: Reporter) -> tuple[Path, Path]:
    try:
        made: Any = importlib.import_module("poscloud.local.nodeimages").ensure_images(reporter)
    except ModuleNotFoundError as error:
        raise DeployError(
            "this version makes no images for real nodes",
            hint=f"export {CHOICE}=FOLDER   (with layout/, an OCI image layout, and table.json)",
        ) from error
    return made.layout, made.table


def remove(paths: ProjectPaths) -> None:
    """Forget them; the images themselves stay in the cache."""
    shutil.rmtree(images_folder(paths), ignore_errors=True)
