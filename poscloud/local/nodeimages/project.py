"""A project's own images: ``cluster-images.toml`` names their folders, and has further lines of the table."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from poscloud.errors import InputError, Problem
from poscloud.local.nodeimages.patterns import problem_at, wrong
from poscloud.local.nodeimages.recipes import Recipe, built_in, from_table
from poscloud.local.nodeimages.table import Name, table

FILE = "cluster-images.toml"
RECIPE = "image.toml"
_FIELDS = ("folders", "names")


def recipes(root: Path | None) -> dict[str, Recipe]:
    """Return all images by name: poscloud's own, then those of the project in ``root``.

    Raises:
        InputError: A file says what it cannot.
    """
    known = dict(built_in())
    if root is None:
        return known
    for folder in _folders(root):
        file = folder / RECIPE
        recipe = from_table(_read(file), file)
        if recipe.name in known:
            message = f"there is another image '{recipe.name}' already"
            raise InputError([Problem(file, 0, 0, "duplicate-name", message)], hint="choose another name")
        known[recipe.name] = recipe if recipe.names else replace(recipe, names=(f"*/{recipe.name}:*",))
    return known


def names(root: Path | None) -> tuple[Name, ...]:
    """Return the table: the project's lines first.

    Raises:
        InputError: A line leads to an image that is not known.
    """
    known = recipes(root)
    if root is None:
        return table(known)
    given = _described(root).get("names", {})
    problems = [
        problem_at(
            root / FILE,
            pattern,
            f"names: '{image}' is no image; known: {', '.join(known)}",
            "unknown-reference",
        )
        for pattern, image in given.items()
        if image not in known
    ]
    if problems:
        raise InputError(problems)
    return table(known, [Name(pattern, image) for pattern, image in given.items()])


def _described(root: Path) -> dict[str, Any]:
    file = root / FILE
    if not file.is_file():
        return {}
    told = _read(file)
    problems = [
        Problem(file, 0, 0, "unknown-field", f"unknown field '{key}'; known: {', '.join(_FIELDS)}")
        for key in told
        if key not in _FIELDS
    ]
    if not _texts(told.get("folders", [])):
        problems.append(Problem(file, 0, 0, "wrong-type", "folders: expected a list of patterns of folders"))
    named = told.get("names", {})
    if not isinstance(named, dict) or not _texts(list(named.values())):
        problems.append(Problem(file, 0, 0, "wrong-type", "names: expected a table, pattern = image"))
    else:
        problems += [
            problem_at(file, each, f"names: {message}") for each in named if (message := wrong(each))
        ]
    if problems:
        raise InputError(problems, hint="docs/real-nodes.md has an example")
    return told


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _folders(root: Path) -> list[Path]:
    found: list[Path] = []
    for pattern in _described(root).get("folders", []):
        # Below the project's folder: glob takes no other.
        inside = pattern and not pattern.startswith("/")
        folders = sorted(file.parent for file in root.glob(f"{pattern}/{RECIPE}")) if inside else []
        if not folders:
            message = f"folders: there is no {pattern}/{RECIPE}"
            raise InputError([Problem(root / FILE, 0, 0, "unknown-reference", message)])
        found += [folder for folder in folders if folder not in found]
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        raise InputError([Problem(file, line, column, "toml-syntax", f"this is no TOML: {error}")]) from None
