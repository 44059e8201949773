"""The pinned versions, the Go modules they are built from, and comparing versions."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from poscloud.errors import DeployError

_NUMBER = re.compile(r"(?<![\d.])v?(\d+)\.(\d+)(?:\.(\d+))?")

Version = tuple[int, int, int]


@cache
def sources() -> Path:
    """The folder with ``versions.toml`` and the Go modules, in a checkout or in an installed package.

    Raises:
        DeployError: The installation is not complete.
    """
    here = Path(__file__).resolve().parent
    for candidate in (here / "toolchain_sources", here.parents[1] / "toolchain"):
        if (candidate / "versions.toml").is_file():
            return candidate
    raise DeployError(
        f"the toolchain's sources are missing beside {here}",
        hint="install poscloud again: pip install --force-reinstall poscloud",
    )


@cache
def pins() -> dict[str, dict[str, Any]]:
    """The content of ``versions.toml``."""
    import tomllib

    return tomllib.loads((sources() / "versions.toml").read_text())


def pinned(part: str, key: str = "version") -> str:
    """One pinned version, for example ``pinned("pulumi")``."""
    return str(pins()[part][key])


def parse(text: str) -> Version | None:
    """The first version number in a program's words, for example ``v1.36.3`` or ``go1.26.6``."""
    match = _NUMBER.search(text.replace("go1", "1"))
    if match is None:
        return None
    return int(match[1]), int(match[2]), int(match[3] or 0)


def known(text: str) -> Version:
    """The version number in a text of our own, which has one."""
    found = parse(text)
    if found is None:
        raise ValueError(f"no version number in {text!r}")
    return found
