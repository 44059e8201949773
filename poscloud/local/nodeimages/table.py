"""Which image made here a reference of a description stands for, on the local cluster's real nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local.nodeimages.patterns import fits, wrong
from poscloud.local.nodeimages.recipes import Recipe
from poscloud.local.paths import write_private

HINT = "mend that file, or take the images made here: unset POSCLOUD_NODE_IMAGES"


@dataclass(frozen=True)
class Name:
    """A line of the table.

    Attributes:
        pattern: Of full references, as ``patterns`` has it.
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
    """Return the image that a reference stands for; ``None`` if the table does not know it.

    One by digest stands for none: what is made here has another digest, and a node takes no other than it asked for.
    """
    whole = full(reference)
    if "@" in whole:
        return None
    return next((name.image for name in names if fits(name.pattern, whole)), None)


def by_tag(reference: str) -> str | None:
    """Return how a reference by digest is written by its tag, ``latest`` if it has none; ``None`` if it is by tag.

    >>> by_tag("redis:7@sha256:00")
    'redis:7'
    """
    name, digest, _ = reference.partition("@")
    if not digest:
        return None
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def write_table(file: Path, names: Sequence[Name]) -> None:
    """Write the table for the nodes' registry, completely or not at all."""
    write_private(
        file, json.dumps([{"pattern": n.pattern, "image": n.image} for n in names], indent=1) + "\n"
    )


def check_table(file: Path) -> None:
    """See that a table that somebody else wrote can be read by the nodes' registry.

    Raises:
        DeployError: It cannot; says what was expected.
    """
    expected = 'expected a list of {"pattern": "*/redis:*", "image": "redis"}'
    try:
        lines = [(line["pattern"], line["image"]) for line in json.loads(file.read_text())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeployError(f"{file} is no table of images: {error}; {expected}", hint=HINT) from None
    for number, (pattern, image) in enumerate(lines, 1):
        if not isinstance(pattern, str) or not isinstance(image, str) or not image:
            raise DeployError(f"{file}, entry {number}: {expected}", hint=HINT)
        if message := wrong(pattern):
            raise DeployError(f"{file}, entry {number}: {message}", hint=HINT)
