"""Removing what the cache of images holds and nobody needs any more."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError, WaitTimeoutError
from poscloud.local.locks import exclusive
from poscloud.local.nodeimages import make, project
from poscloud.local.nodeimages.ensure import in_use
from poscloud.local.nodeimages.recipes import digests
from poscloud.local.paths import cache_root
from poscloud.local.progress import Reporter

WAIT = 2.0
"""Seconds to wait for who makes or links images, before it is told to be come back later."""

_GONE = ".gone-"


@dataclass(frozen=True)
class Pruned:
    """What was removed.

    Attributes:
        names: Entries of the cache, ``NAME-DIGEST``.
        size: Their bytes.
    """

    names: tuple[str, ...]
    size: int


def prune(root: Path | None, reporter: Reporter) -> Pruned:
    """Remove layers that no recipe names any more and that no project's layout has.

    Another project's layers stay as long as its layout has them: they are further names (hard links) of these files.
    What is removed is made again when it is asked for.

    Args:
        root: The project's folder, for its own images; ``None``: poscloud's alone.
        reporter: Told whom this process waits for.

    Raises:
        InputError: The project describes its images wrongly: what it needs is not known.
        WaitTimeoutError: Somebody makes images now; nothing was removed.
        DeployError: Something cannot be removed.
    """
    folder = cache_root() / "images"
    known = {f"{name}-{digest}" for name, digest in digests(project.recipes(root)).items()}
    if not folder.is_dir():
        return Pruned((), 0)
    try:
        with exclusive(in_use(), reporter, purpose="the images' cache", timeout=WAIT):
            return _remove(folder, known)
    except WaitTimeoutError as error:
        said = f"somebody makes images now, and nothing was removed: {error.message}"
        raise WaitTimeoutError(said, hint="when that has ended: poscloud cluster images --prune") from None
    except OSError as error:  # another user made it, for example
        raise DeployError(
            f"the images' cache cannot be pruned: {error}", hint=f"run: ls -la {folder}"
        ) from None


def _remove(folder: Path, known: set[str]) -> Pruned:
    """Remove what is unused; nobody makes or links images meanwhile."""
    # Whoever made a partial folder is gone, too.
    for leftover in (*folder.glob(".*.partial-*"), *folder.glob(f".*{_GONE}*")):
        shutil.rmtree(leftover, ignore_errors=True)
    unused = [entry for entry in sorted(folder.iterdir()) if _unused(entry, known)]
    size = 0
    for entry in unused:
        size += (entry / make.LAYER).stat().st_size
        # In one step, so that nobody finds half of it.
        gone = folder / f".{entry.name}{_GONE}{os.getpid()}"
        os.rename(entry, gone)
        shutil.rmtree(gone)
        (folder / f".{entry.name}.lock").unlink(missing_ok=True)
    return Pruned(tuple(entry.name for entry in unused), size)


def _unused(entry: Path, known: set[str]) -> bool:
    layer = entry / make.LAYER
    if entry.name in known or entry.name.startswith(".") or not layer.is_file():
        return False
    return layer.stat().st_nlink == 1
