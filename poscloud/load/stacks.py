"""Which environments a project has."""

from __future__ import annotations

from pathlib import Path

STACKS = "stacks"


def known_stacks(root: Path) -> list[str]:
    """Return the names of all environments under ``root``/stacks, sorted."""
    folder = root / STACKS
    return sorted({f.stem for f in folder.glob("*") if f.suffix in {".yaml", ".py"} and f.is_file()})
