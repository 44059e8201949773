"""Programs of Debian packages, extracted into the cache: nothing is installed, no daemon is started."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local.cache import claim
from poscloud.local.paths import cache_root
from poscloud.local.progress import SilentReporter

LISTS = Path("/var/lib/apt/lists")
LISTS_SECONDS = 3600.0
"""How long package lists count as new: what they do not know then is not asked for again."""

TIMEOUT = 600.0
"""Seconds that apt-get may take."""


@dataclass(frozen=True)
class Packages:
    """Programs of some packages, in a folder of their own or, where they are installed, on the machine itself.

    Attributes:
        root: The folder that stands for ``/``.
    """

    root: Path

    def program(self, name: str) -> Path:
        """Return a program of the packages by its name.

        Raises:
            DeployError: It is neither in them nor installed.
        """
        folders = [
            *(self.root / folder for folder in ("usr/bin", "usr/sbin", "bin", "sbin")),
            *map(Path, ("/usr/bin", "/usr/sbin", "/bin", "/sbin")),
        ]
        found = shutil.which(name, path=os.pathsep.join(map(str, folders)))
        if found is None:
            raise DeployError(f"{name} is neither in {self.root} nor installed")
        return Path(found)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the programs find each other and their libraries."""
        libraries = sorted({str(f.parent) for f in self.root.glob("**/lib/**/*.so*")})
        programs = [str(self.root / "usr/bin"), str(self.root / "usr/sbin")]
        return {
            **os.environ,
            "LD_LIBRARY_PATH": os.pathsep.join(libraries),
            "PATH": os.pathsep.join([*programs, os.environ["PATH"], "/usr/sbin", "/sbin"]),
        }


@cache  # asking apt takes seconds
def packages(*names: str) -> Packages:
    """Return the programs of Debian packages and of all they need that is not installed on this machine.

    Raises:
        DeployError: They cannot be had.
    """
    wanted = _wanted(names)
    digest = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    entry = cache_root() / "servers" / f"{names[0]}-{digest}"
    with claim(entry, SilentReporter()) as folder:
        if folder is not None:
            _extract(wanted, folder)
    return Packages(entry)


def _wanted(names: tuple[str, ...]) -> list[str]:
    """Return ``name=version`` of what apt would install."""
    if shutil.which("apt-get") is None:
        raise DeployError(f"{names[0]} is not installed, and there is no apt-get", hint=f"install {names[0]}")
    command = ["install", "-qq", "--print-uris", "-y", "--no-install-recommends", *names]
    done = _apt(command)
    if done.returncode != 0 and _lists_age() > LISTS_SECONDS and os.getuid() == 0:
        # None yet, as in a fresh container, or so old that they do not know what there is.
        updated = _apt(["update", "-qq"])
        if updated.returncode != 0:
            raise DeployError(
                f"apt-get cannot fetch the package lists: {_words(updated)}", hint="see: apt-get update"
            )
        done = _apt(command)
    if done.returncode != 0:
        raise DeployError(f"apt-get cannot find {' '.join(names)}: {_words(done)}", hint=_hint())
    files = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("'")]
    parts = [file.removesuffix(".deb").split("_") for file in files]
    return sorted(f"{name}={version.replace('%3a', ':')}" for name, version, _ in parts)


def _lists_age() -> float:
    """Seconds since apt's package lists were fetched; endless where there are none."""
    try:
        when = [
            entry.stat().st_mtime for entry in LISTS.iterdir() if entry.is_file() and entry.name != "lock"
        ]
        # Fetching the same lists again changes only the folder that they are fetched into.
        when += [(LISTS / "partial").stat().st_mtime] if when else []
    except OSError:
        when = []
    return time.time() - max(when) if when else math.inf


def _hint() -> str:
    if _lists_age() <= LISTS_SECONDS:
        return "is it a package of this Debian? see: apt-cache policy NAME"
    return "run: apt-get update" if os.getuid() == 0 else "run: sudo apt-get update"


def _apt(arguments: Sequence[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run apt-get; a failure is the caller's.

    Raises:
        DeployError: It did not end in time.
    """
    try:
        return subprocess.run(
            ["apt-get", *arguments],
            cwd=cwd, check=False, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DeployError(
            f"apt-get {arguments[0]} did not end within {TIMEOUT:.0f} s",
            hint=f"is a package source unreachable, or another apt-get running? see: apt-get {arguments[0]}",
        ) from None


def _words(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return " | ".join(lines[-5:]) or f"it ended with {done.returncode} and said nothing"


def _extract(wanted: list[str], folder: Path) -> None:
    (folder / "usr/lib").mkdir(parents=True)
    archives = folder / "archives"
    archives.mkdir(mode=0o777)
    archives.chmod(0o777)
    if wanted:
        done = _apt(["download", "-qq", "-o", "APT::Sandbox::User=root", *wanted], archives)
        if done.returncode != 0:
            raise DeployError(f"{wanted[0]} cannot be downloaded: {_words(done)}", hint="run: apt-get update")
    for archive in sorted(archives.glob("*.deb")):
        done = subprocess.run(
            ["dpkg-deb", "-x", str(archive), str(folder)], check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise DeployError(f"{archive.name} cannot be unpacked: {done.stderr.strip()}")
    shutil.rmtree(archives)
    inside(folder)


def inside(folder: Path) -> None:
    """Make absolute links relative: they mean the packages' own files, not the machine's."""
    for link in folder.glob("**/*"):
        if link.is_symlink() and (target := os.readlink(link)).startswith("/"):
            own = folder / target.lstrip("/")
            if own.exists():
                link.unlink()
                link.symlink_to(os.path.relpath(own, link.parent))
