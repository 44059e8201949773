"""What of an image is neither a package nor a file of ours: BusyBox's names, a JRE, jars, Python packages."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local import maven
from poscloud.local.golang import installers
from poscloud.local.nodeimages import apt
from poscloud.local.nodeimages.layer import EPOCH, Layer
from poscloud.local.nodeimages.recipes import Recipe
from poscloud.local.progress import Reporter
from poscloud.local.versions import sources

TIMEOUT = 900
"""Seconds that one program may take."""

JAVA_HOME = "/usr/lib/jvm/default"
PACKAGES = "/usr/local/lib/python3.11/dist-packages"
PYTHON = "python3.11"
JDK = "openjdk-17-jdk-headless"


def add(
    recipe: Recipe, layer: Layer, packages: Sequence[apt.Package], work: Path, reporter: Reporter
) -> None:
    """Add it to a layer.

    Args:
        recipe: What is asked for.
        layer: The layer.
        packages: Its Debian packages, which some of it is made with.
        work: A folder that is removed afterwards.
        reporter: Told how far it is.

    Raises:
        DeployError: Something cannot be had.
    """
    names = {package.name for package in packages}
    if "busybox" in names:
        _busybox(layer, packages, work, names)
    if recipe.java_modules:
        reporter.update("Java runtime")
        _java(recipe, layer, work, reporter)
    if recipe.jars:
        reporter.update("jars")
        layer.tree(maven.jars(sources() / recipe.pom, reporter), recipe.jars)
    if recipe.archive:
        reporter.update("archive")
        _archive(recipe, layer, work, reporter)
    if recipe.python or PYTHON in names:
        reporter.update("Python")
        archives = apt.fetch({PYTHON: ""}, {}, work / "python-archives", reporter)
        python = apt.unpacked(archives, work / "python")
        if PYTHON in names:
            _standard_library(layer, recipe, python)
        if recipe.python:
            _python_packages(layer, recipe.source / recipe.python, work, python)


def _run(command: Sequence[str | Path], what: str, env: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=False, timeout=TIMEOUT,
            stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DeployError(f"{what} did not end within {TIMEOUT} s", hint="run this again") from None
    if done.returncode != 0:
        words = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-8:])
        raise DeployError(f"{what} failed:\n{words}")
    return done.stdout


def _busybox(layer: Layer, packages: Sequence[apt.Package], work: Path, names: set[str]) -> None:
    """Add a link for each of BusyBox's programs that no other package brings."""
    root = apt.unpacked(packages, work / "busybox")
    taken = {file.name for folder in ("usr/bin", "usr/sbin") for file in (root / folder).iterdir()}
    listed = _run([*apt.own_loader(root, "usr/bin/busybox"), "--list"], "busybox --list").split()
    for name in listed:
        if name not in taken and name != "sh":
            layer.link(f"/usr/bin/{name}", "busybox")


def _java(recipe: Recipe, layer: Layer, work: Path, reporter: Reporter) -> None:
    """Add a JRE with the modules asked for, and what its start reads at once (class data sharing)."""
    archives = apt.fetch({JDK: ""}, {}, work / "jdk-archives", reporter)
    root = apt.unpacked([p for p in archives if p.name.startswith("openjdk-")], work / "jdk")
    home = next(root.glob("usr/lib/jvm/java-17-openjdk-*"))
    target = work / "jre"
    options = ["--strip-debug", "--no-header-files", "--no-man-pages", "--compress=0"]
    modules = ",".join(recipe.java_modules)
    _run([home / "bin/jlink", *options, "--add-modules", modules, "--output", target], "jlink")
    shutil.rmtree(target / "legal", ignore_errors=True)
    # It lists Debian's authorities, which are a link; a service's own are in its image or a volume.
    for path in sorted(target.rglob("*")):
        if path.is_symlink() and not path.exists():
            path.unlink()
    for path in target.rglob("*"):
        os.utime(path, (EPOCH, EPOCH))  # what is dumped next is bound to the time of the modules' file
    _run([target / "bin/java", "-Xshare:dump"], "java -Xshare:dump")
    layer.tree(target, JAVA_HOME)


def _archive(recipe: Recipe, layer: Layer, work: Path, reporter: Reporter) -> None:
    """Add an unpacked zip archive; its scripts become executable, which zip does not keep."""
    (file,) = maven.jars(sources() / recipe.pom, reporter).glob("*.zip")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(work / "archive")
    (top,) = (work / "archive").iterdir()
    for path in sorted(top.rglob("*")):
        name = f"{recipe.archive.lstrip('/')}/{path.relative_to(top)}"
        if any(fnmatch(name, pattern) for pattern in recipe.drop):
            continue
        if path.is_file():
            layer.script(name, path.read_bytes())


def _standard_library(layer: Layer, recipe: Recipe, python: Path) -> None:
    """Add what Python's own library compiles to."""
    library = python / "usr/lib" / PYTHON
    for pattern in recipe.drop:  # what is left out needs no compiling
        for path in python.glob(pattern.removesuffix("/*")):
            shutil.rmtree(path)
    _compile(python, library)
    for cached in sorted(library.rglob("*.pyc")):
        layer.tree(cached, f"/usr/lib/{PYTHON}/{cached.relative_to(library)}")


def _python_packages(layer: Layer, lock: Path, work: Path, python: Path) -> None:
    """Add the Python packages of a lock file, and their commands."""
    target = work / "packages"
    _install(lock, target)
    programs = target / "bin"
    for program in sorted(programs.iterdir()) if programs.is_dir() else []:
        first, _, rest = program.read_bytes().partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            layer.file(f"/usr/local/bin/{program.name}", b"#!/usr/bin/python3\n" + rest, 0o755)
    shutil.rmtree(programs, ignore_errors=True)
    for cached in list(target.rglob("__pycache__")):
        shutil.rmtree(cached)
    _compile(python, target)
    layer.tree(target, PACKAGES)


def _install(lock: Path, target: Path) -> None:
    """Install what a lock file names, for the image's Python and not for the one that runs this.

    Raises:
        DeployError: Neither pip nor uv can.
    """
    machine, reason = platform.machine(), "there is neither pip nor uv"
    for command in installers():
        wheels = ["--only-binary", ":all:", "--python-version", "3.11", "--target", str(target)]
        if Path(command[0]).name == "uv":
            wheels += ["--python-platform", f"{machine}-manylinux_2_28"]
        else:
            tags = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")
            wheels += [word for tag in tags for word in ("--platform", f"{tag}_{machine}")]
        try:
            _run([*command, "--quiet", *wheels, "--requirement", lock], "installing Python packages")
            return
        except DeployError as error:
            reason = error.message
    raise DeployError(reason, hint="make this work: python -m pip download -r " + str(lock))


def _compile(root: Path, folder: Path) -> None:
    """Compile what is in a folder, because a container with a read-only root cannot keep what it compiles.

    Args:
        root: An unpacked Debian with the Python that is to read it.
        folder: What to compile.
    """
    command = [*apt.own_loader(root, f"usr/bin/{PYTHON}"), "-m", "compileall", "-q", "-j", "2"]
    # By the path it has in the image, and whatever the times of its files are there.
    options = ["--invalidation-mode", "unchecked-hash", "-s", str(root), str(folder)]
    _run([*command, *options], "compiling", {"PYTHONHOME": str(root / "usr")})
