"""The build context: a folder with the Dockerfile and no more of the project than the image needs."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from poscloud.errors import PosCloudError
from poscloud.images.dockerfile import FILES
from poscloud.images.plan import Planned

LEFT_OUT = (".git", ".svn", ".hg", ".venv", ".poscloud", "__pycache__")
"""Never copied: histories, virtual environments and caches of whoever builds."""


def write_context(image: Planned, folder: Path) -> None:
    """Write what ``docker build`` or ``buildah build`` of an image needs into an empty or a new folder.

    Raises:
        PosCloudError: The folder holds something, or a file of the project is not there.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise PosCloudError(f"{folder} is there already", hint="remove it, or choose another one")
    wanted = list(dict.fromkeys([*image.spec.own_files(), *image.spec.add]))
    missing = [path for path in wanted if not (image.folder / path).exists()]
    if missing:
        hint = "make it first, or name the command that makes it in `before`"
        raise PosCloudError(f"image '{image.name}': {', '.join(missing)} not in {image.folder}", hint=hint)
    folder.mkdir(parents=True, exist_ok=True)
    for path in wanted:
        source, target = image.folder / path, folder / FILES / path
        if source.is_dir():
            ignore = partial(_left_out, folder)
            shutil.copytree(source, target, symlinks=True, ignore=ignore, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for name, text in image.recipe.scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    (folder / "Dockerfile").write_text(image.recipe.dockerfile, encoding="utf-8")


def _left_out(context: Path, folder: str, names: list[str]) -> set[str]:
    """Return what is not copied; of the context itself nothing, should it be inside the project."""
    return {n for n in names if n in LEFT_OUT or (Path(folder) / n).resolve() == context.resolve()}
