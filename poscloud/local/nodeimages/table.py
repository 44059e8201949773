"""Which image made here a reference of a description stands for, on the local cluster's real nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from poscloud.local.nodeimages.recipes import Recipe
from poscloud.local.paths import write_private


@dataclass(frozen=True)
class Name:
    """A line of the table.

    Attributes:
        pattern: Of full references, ``*`` for any text.
        image: What those that fit stand for.
    """

    pattern: str
    image: str


def table(recipes: Mapping[str, Recipe], given: Sequence[Name] = ()) -> tuple[Name, ...]:
    """Return the table; the first line that fits counts, so a project's own lines come first.

    Args:
        recipes: All images, poscloud's own first.
        given: Further lines of the project.
    """
    own = [recipe for recipe in recipes.values()][::-1]
    return (*given, *(Name(pattern, recipe.name) for recipe in own for pattern in recipe.names))


def full(reference: str) -> str:
    """Return a reference as a container runtime understands it: with its registry and a tag.

    >>> full("redis")
    'docker.io/library/redis:latest'
    """
    first, slash, _ = reference.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        reference = f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"
    last = reference.rpartition("/")[2]
    return reference if ":" in last or "@" in last else f"{reference}:latest"


def image_for(reference: str, names: Sequence[Name]) -> str | None:
    """Return the image that a reference stands for; ``None`` if the table does not know it."""
    whole = full(reference)
    return next((name.image for name in names if fnmatchcase(whole, name.pattern)), None)


def write_table(file: Path, names: Sequence[Name]) -> None:
    """Write the table for the nodes' registry, completely or not at all."""
    write_private(
        file, json.dumps([{"pattern": n.pattern, "image": n.image} for n in names], indent=1) + "\n"
    )
