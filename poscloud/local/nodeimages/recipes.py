"""What is in each image: the recipes of ``images.toml``, and those of a project's own images."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from poscloud.errors import InputError, Problem
from poscloud.local.nodeimages.patterns import problem_at, wrong
from poscloud.local.nodes import architecture
from poscloud.local.versions import sources

FORMAT = "2"
"""Changes when the code makes another layer of the same recipe, so that cached ones are made anew."""

HERE = Path(__file__).parent
RECIPES = HERE / "images.toml"


@dataclass(frozen=True)
class Recipe:
    """How one image is made: a layer over another image's layers.

    Attributes:
        name: What it is called in the layout.
        about: What it is for, in a line.
        base: The image below it; empty: none.
        version: What it says of itself; empty: the version of the first package in ``debian``.
        debian: Debian package → what its version has to begin with.
        drop: Patterns of paths (fnmatch, without a leading ``/``) that are left out of packages and archive.
        go: Folder in ``toolchain`` → where its program goes.
        package: The Go package that is built there.
        jars: Where the jars of ``pom`` go.
        archive: Where the zip archive of ``pom`` is unpacked, without its first folder.
        pom: A pom.xml in ``toolchain``; Maven fetches what it names and all that needs.
        java_modules: Modules of the JRE that jlink makes.
        python: File of this folder with the Python packages, one ``name==version`` a line.
        files: Folder whose files are added below ``/``; what begins with ``#!`` becomes executable.
        tree: Path of a file or folder → where it goes; for a project's own images.
        users: User and group → its number.
        folders: Folder → its owner's number and mode, ``1000 0755``.
        links: Link → what it leads to.
        env: Variables of its processes.
        entrypoint: What a container runs before its arguments.
        cmd: Arguments, or the whole command without an entrypoint.
        user: Number (or ``user:group``) its processes run as; empty: root.
        workdir: Where they begin.
        names: Patterns (``patterns``) of full references that it stands for.
        source: Folder that relative paths of ``tree`` and ``files`` are seen from.
    """

    name: str
    about: str = ""
    base: str = "base"
    version: str = ""
    debian: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    go: Mapping[str, str] = field(default_factory=dict)
    package: str = "."
    jars: str = ""
    archive: str = ""
    pom: str = ""
    java_modules: tuple[str, ...] = ()
    python: str = ""
    files: str = ""
    tree: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""
    names: tuple[str, ...] = ()
    source: Path = HERE

    def digest(self, base: str) -> str:
        """Return what changes with everything that makes a different layer, that of the image below among it.

        Args:
            base: The digest of the image below; empty without one.
        """
        plain = Recipe(self.name)  # what is as by default is not told: a new field changes no digest
        names = [f.name for f in fields(self) if f.name not in ("source", "names")]
        told = {n: getattr(self, n) for n in names if n == "name" or getattr(self, n) != getattr(plain, n)}
        seen = hashlib.sha256(json.dumps([FORMAT, architecture(), base, told], sort_keys=True).encode())
        for name, content in self._contents():
            seen.update(f"{name}\0{len(content)}\0".encode() + content)
        return seen.hexdigest()[:12]

    def _contents(self) -> list[tuple[str, bytes]]:
        """The files of ours that go into it or say what does."""
        found: list[Path] = []
        for folder in self.go:
            found += [*sorted((sources() / folder).glob("go.*")), sources() / folder / "main.go"]
        if self.pom:
            found.append(sources() / self.pom)
        if self.python:
            found.append(self.source / self.python)
        for given in [self.files, *self.tree]:
            path = self.source / given
            if given:
                found += sorted(path.rglob("*")) if path.is_dir() else [path]
        kept = [path for path in found if path.is_file() and self._keeps_mode(path)]
        modes = [(f"{file} mode", oct(file.stat().st_mode & 0o777).encode()) for file in kept]
        return [*((str(file), file.read_bytes()) for file in found if file.is_file()), *modes]

    def _keeps_mode(self, file: Path) -> bool:
        """Whether a file's mode in the image is the one it has here: only what ``tree`` names."""
        return any(file.is_relative_to(self.source / given) for given in self.tree)


def from_table(table: Mapping[str, Any], file: Path) -> Recipe:
    """Return the recipe that a table of a TOML file describes.

    Raises:
        InputError: It has an unknown field, or one of another type.
    """
    known = {f.name: f for f in fields(Recipe) if f.name != "source"}
    given: dict[str, Any] = {"source": file.parent}
    problems = []
    for key, value in table.items():
        if key not in known:
            message = f"unknown field '{key}'; known: {', '.join(sorted(known))}"
            problems.append(Problem(file, 0, 0, "unknown-field", message))
        elif not _fits(str(known[key].type), value):
            expected = _EXPECTED[str(known[key].type)]
            problems.append(Problem(file, 0, 0, "wrong-type", f"{key} is {value!r}; expected {expected}"))
        else:
            given[key] = tuple(value) if isinstance(value, list) else value
    if "name" not in table:
        problems.append(Problem(file, 0, 0, "missing-field", "an image needs a name"))
    problems += [Problem(file, 0, 0, "wrong-value", message) for message in _wrong_values(given)]
    for pattern in given.get("names", ()):
        if message := wrong(pattern):
            problems.append(problem_at(file, pattern, f"names: {message}"))
    if problems:
        raise InputError(problems, hint="docs/real-nodes.md has an example")
    return Recipe(**given)


_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
"""Of an image: it is part of a path in the cache, and of what the nodes' registry is asked for."""
_USER = re.compile(r"[a-z_][a-z0-9_-]*")


def _wrong_values(given: Mapping[str, Any]) -> list[str]:
    """What is of the right type and still cannot be."""
    name = given.get("name", "a")
    found = [] if _NAME.fullmatch(name) else [f"name is {name!r}; expected a-z, 0-9 and single . _ - between"]
    for user in given.get("users", {}):
        if not _USER.fullmatch(user):
            found.append(f"users: {user!r} is no user's name; expected a-z, 0-9, _ and -")
    for folder, value in given.get("folders", {}).items():
        if not re.fullmatch(r"[0-9]+ [0-7]{3,4}", value):
            found.append(
                f"folders: {folder} is {value!r}; expected its owner's number and its mode, as '1000 0755'"
            )
    return found


_EXPECTED = {
    "str": "text",
    "tuple[str, ...]": "a list of texts",
    "Mapping[str, str]": "a table of texts",
    "Mapping[str, int]": "a table of numbers",
}


def _fits(kind: str, value: Any) -> bool:
    if kind == "str":
        return isinstance(value, str)
    if kind == "tuple[str, ...]":
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    inner = int if kind.endswith("int]") else str
    return isinstance(value, dict) and all(
        isinstance(v, inner) and v is not True and v is not False for v in value.values()
    )


@cache
def built_in() -> dict[str, Recipe]:
    """Return poscloud's own images by name, each after the one it is based on."""
    return parse(RECIPES)


def parse(file: Path) -> dict[str, Recipe]:
    """Return the images of a file by name; ``[[image]]`` tables, in their order."""
    found = [from_table(table, file) for table in tomllib.loads(file.read_text())["image"]]
    return {recipe.name: recipe for recipe in found}


def chain(name: str, recipes: Mapping[str, Recipe]) -> list[Recipe]:
    """Return an image and all below it, the lowest first.

    Raises:
        InputError: It is based on one that is not known, or on itself.
    """
    found: list[Recipe] = []
    while name:
        recipe = recipes.get(name)
        if recipe is None or recipe in found:
            above = found[-1] if found else None
            file = (above.source / "image.toml") if above else None
            message = f"base '{name}' is no known image; known: {', '.join(recipes)}"
            if recipe is not None:
                message = f"image '{name}' is based on itself"
            raise InputError([Problem(file, 0, 0, "unknown-reference", message)])
        found.append(recipe)
        name = recipe.base
    return found[::-1]


def digests(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """Return each image's digest, as ``Recipe.digest`` makes it."""
    found: dict[str, str] = {}
    for name in recipes:
        below = ""
        for recipe in chain(name, recipes):
            below = found.setdefault(recipe.name, recipe.digest(below))
    return found
