"""Which environments a project has."""

from __future__ import annotations

import re
from pathlib import Path

STACKS = "stacks"

STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What may be looked up in the folder: no path."""


def known_stacks(root: Path) -> list[str]:
    """Return the names of all environments under ``root``/stacks, sorted."""
    folder = root / STACKS
    return sorted({f.stem for f in folder.glob("*") if f.suffix in {".yaml", ".py"} and f.is_file()})
