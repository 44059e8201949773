"""The address of the state backend."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from poscloud.local.paths import ProjectPaths


def backend_url(paths: ProjectPaths, environment: Mapping[str, str] | None = None) -> str:
    """Return what the engine takes for ``PULUMI_BACKEND_URL``: the user's, else the embedded state."""
    given = (os.environ if environment is None else environment).get("PULUMI_BACKEND_URL")
    return given or paths.state_url


def state_folder(paths: ProjectPaths, url: str) -> Path | None:
    """Return the folder of a ``file://`` backend, read as the engine reads it; ``None`` for any other."""
    if not url.startswith("file://"):
        return None
    path = Path(unquote(url.removeprefix("file://").partition("?")[0])).expanduser()
    return path if path.is_absolute() else paths.root / path
