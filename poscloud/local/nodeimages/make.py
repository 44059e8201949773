"""Making one image's layer into the cache."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local import build
from poscloud.local.cache import claim
from poscloud.local.golang import ensure_go
from poscloud.local.nodeimages import apt, programs
from poscloud.local.nodeimages.layer import Layer
from poscloud.local.nodeimages.oci import Blob, sha256
from poscloud.local.nodeimages.recipes import Recipe, chain, digests
from poscloud.local.parts import Build
from poscloud.local.paths import cache_root
from poscloud.local.progress import Reporter

LAYER, ABOUT = "layer.tar", "image.json"


@dataclass(frozen=True)
class Made:
    """An image's own layer, in the cache.

    Attributes:
        blob: The layer.
        version: What is in it, in short.
        packages: Debian packages in it, with their versions.
    """

    blob: Blob
    version: str
    packages: Mapping[str, str]


def place(recipe: Recipe, digest: str) -> Path:
    """Return the folder in the cache where an image's layer is, or will be."""
    return cache_root() / "images" / f"{recipe.name}-{digest}"


def made(recipe: Recipe, digest: str) -> Made | None:
    """Return an image's layer if it is in the cache."""
    folder = place(recipe, digest)
    try:
        told = json.loads((folder / ABOUT).read_text())
    except FileNotFoundError:
        return None
    blob = Blob(folder / LAYER, told["digest"], told["size"])
    return Made(blob, told["version"], told["packages"])


def steps(names: Iterable[str], recipes: Mapping[str, Recipe]) -> int:
    """Return how many layers and programs are to be made for these images."""
    known = digests(recipes)
    layers = {recipe.name for name in names for recipe in chain(name, recipes)}
    missing = [recipes[name] for name in layers if made(recipes[name], known[name]) is None]
    return len(missing) + sum(not build.is_built(entry) for recipe in missing for entry in _builds(recipe))


def make_all(name: str, recipes: Mapping[str, Recipe], reporter: Reporter, log: Path) -> list[Made]:
    """Return the layers of an image and of all below it, the lowest first; makes what is missing.

    Raises:
        DeployError: Something that goes into one cannot be had.
    """
    known = digests(recipes)
    below: list[Made] = []
    images = chain(name, recipes)
    for position, recipe in enumerate(images):
        digest = known[recipe.name]
        found = made(recipe, digest)
        if found is None:
            _compile(recipe, reporter, log)
            with (
                reporter.step(f"image {recipe.name}", log=log),
                claim(place(recipe, digest), reporter) as folder,
            ):
                if folder is not None:
                    _Making(recipe, images[:position], below, folder, reporter, log).run()
            found = made(recipe, digest)
            assert found is not None
        below.append(found)
    return below


def _builds(recipe: Recipe) -> dict[Build, str]:
    """The programs that are built from Go modules, and where each goes."""
    return {Build(folder, recipe.version, recipe.package): target for folder, target in recipe.go.items()}


def _compile(recipe: Recipe, reporter: Reporter, log: Path) -> None:
    for entry in _builds(recipe):
        if not build.is_built(entry):
            build.make(entry, ensure_go(reporter, log), reporter, log)


class _Making:
    """One layer in the making, in a folder that becomes its entry of the cache."""

    def __init__(
        self,
        recipe: Recipe,
        below_it: Sequence[Recipe],
        below: Sequence[Made],
        folder: Path,
        reporter: Reporter,
        log: Path,
    ) -> None:
        self._recipe, self._chain, self._folder = recipe, below_it, folder
        self._reporter, self._log = reporter, log
        self._below = {name: version for layer in below for name, version in layer.packages.items()}

    def run(self) -> None:
        recipe, work = self._recipe, self._folder / "work"
        for given in filter(None, [*recipe.tree, recipe.files, recipe.python]):
            if not (recipe.source / given).exists():
                raise DeployError(
                    f"image '{recipe.name}': there is no {given} in {recipe.source}",
                    hint="it may have to be built first; then run this again",
                )
        work.mkdir()
        packages: list[apt.Package] = []
        if recipe.debian:
            packages = apt.fetch(recipe.debian, self._below, work / "archives", self._reporter)
        with Layer(self._folder / LAYER) as layer:
            for path, target in recipe.links.items():
                layer.link(path, target)
            for path, given in recipe.folders.items():
                owner, mode = given.split()
                layer.folder(path, int(owner), int(mode, 8))
            self._files(layer)
            self._users(layer)
            programs.add(recipe, layer, packages, work, self._reporter)
            self._built(layer)
            for package in packages:
                layer.package(package.archive, recipe.drop)
        shutil.rmtree(work)
        self._describe(packages)

    def _files(self, layer: Layer) -> None:
        source = self._recipe.source
        if self._recipe.files:
            folder = source / self._recipe.files
            for file in sorted(f for f in folder.rglob("*") if f.is_file()):
                layer.script(str(file.relative_to(folder)), file.read_bytes())
        for given, target in self._recipe.tree.items():
            layer.tree(source / given, target)

    def _users(self, layer: Layer) -> None:
        if not self._recipe.users:
            return
        users = {number: name for recipe in self._chain for name, number in recipe.users.items()}
        users |= {number: name for name, number in self._recipe.users.items()}
        homes = {0: "/root", 1000: "/home/deploy"}
        passwd = [f"{name}:x:{n}:{n}::{homes.get(n, '/tmp')}:/bin/sh\n" for n, name in users.items()]
        layer.file("/etc/passwd", "".join(passwd).encode())
        layer.file("/etc/group", "".join(f"{name}:x:{n}:\n" for n, name in users.items()).encode())

    def _built(self, layer: Layer) -> None:
        for entry, target in _builds(self._recipe).items():
            layer.tree(build.location(entry) / entry.name, target)

    def _describe(self, packages: Sequence[apt.Package]) -> None:
        file = self._folder / LAYER
        versions = {package.name: package.version for package in packages}
        version = self._recipe.version
        if not version and self._recipe.debian:
            version = apt.upstream(versions[next(iter(self._recipe.debian))])
        size = file.stat().st_size
        told = {"digest": sha256(file), "size": size, "version": version, "packages": versions}
        (self._folder / ABOUT).write_text(json.dumps(told, indent=1) + "\n")
        self._reporter.done(f"{version}, {size / 1e6:.1f} MB")
