"""The Go toolchain: the one on PATH where it is new enough, else the one from the Python package index."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local.cache import claim
from poscloud.local.found import foreign_path
from poscloud.local.paths import cache_root
from poscloud.local.progress import Reporter
from poscloud.local.versions import Version, known, parse, pinned


@dataclass(frozen=True)
class Go:
    """A Go toolchain.

    Attributes:
        program: The ``go`` command.
        version: Its version.
        way: ``path`` or ``wheel``.
    """

    program: Path
    version: str
    way: str


def on_path() -> Go | None:
    """The ``go`` on PATH, if it is new enough."""
    located = shutil.which("go", path=foreign_path())
    if located is None:
        return None
    version = _version(Path(located))
    if version is None or version < known(pinned("go", "minimum")):
        return None
    return Go(Path(located), ".".join(map(str, version)), "path")


def cached() -> Go | None:
    """The one an earlier set-up fetched."""
    program = _folder() / "go" / "bin" / "go"
    return Go(program, _wheel_version(), "wheel") if program.exists() else None


def ensure_go(reporter: Reporter, log: Path) -> Go:
    """A Go toolchain that is new enough, fetched if need be.

    Raises:
        DeployError: There is none, and no package index has it either.
    """
    present = on_path() or cached()
    if present is not None:
        return present
    with claim(_folder(), reporter) as folder, reporter.step(f"fetching Go {_wheel_version()}", log=log):
        if folder is not None:
            _install(folder, log)
    found = cached()
    if found is None or _version(found.program) is None:
        raise DeployError(
            f"the Go toolchain in {_folder()} does not run on this machine",
            hint=f"remove that folder and install Go >= {pinned('go', 'minimum')} by other means",
        )
    return found


def _folder() -> Path:
    return cache_root() / "toolchain" / f"go-{_wheel_version()}"


def _wheel_version() -> str:
    return pinned("go", "wheel").partition("==")[2]


def _version(program: Path) -> Version | None:
    try:
        done = subprocess.run(
            [str(program), "version"], capture_output=True, text=True, timeout=20, check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse(done.stdout.partition("go version ")[2]) if done.returncode == 0 else None


def installers() -> list[list[str]]:
    """Commands that can install a wheel into a folder, whatever index they are set up for."""
    commands = []
    if importlib.util.find_spec("pip") is not None:
        commands.append([sys.executable, "-m", "pip", "install", "--no-deps", "--disable-pip-version-check"])
    uv = shutil.which("uv")
    if uv is not None:
        commands.append([uv, "pip", "install", "--no-deps", "--python", sys.executable])
    pip = shutil.which("pip3", path=foreign_path())
    if pip is not None:
        commands.append([pip, "install", "--no-deps", "--disable-pip-version-check"])
    return commands


def _install(folder: Path, log: Path) -> None:
    wheel = pinned("go", "wheel")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        for command in installers():
            done = subprocess.run(
                [*command, "--target", str(folder), wheel],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if done.returncode == 0:
                return
    raise DeployError(
        f"no Go >= {pinned('go', 'minimum')} on PATH, and {wheel} could not be installed from the package index; "
        f"the log is {log}",
        hint=f"install Go {pinned('go', 'minimum')} or newer, or make this work: python -m pip download {wheel}",
    )
