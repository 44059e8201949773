"""Real programs from Debian packages, extracted into the cache: nothing is installed, no daemon is started."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from poscloud.local.cache import claim
from poscloud.local.paths import cache_root
from poscloud.local.progress import ConsoleReporter


@dataclass(frozen=True)
class Packages:
    """Programs of some packages, in a folder of their own or, where they are installed, on the machine itself.

    Attributes:
        root: The folder that stands for ``/``.
    """

    root: Path

    def program(self, name: str) -> Path:
        """Return a program of the packages by its name."""
        folders = [
            *(self.root / folder for folder in ("usr/bin", "usr/sbin", "bin", "sbin")),
            *map(Path, ("/usr/bin", "/usr/sbin", "/bin", "/sbin")),
        ]
        found = shutil.which(name, path=os.pathsep.join(map(str, folders)))
        assert found is not None, f"{name} is neither in {self.root} nor installed"
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

    Fails, and does not skip, where they cannot be had: an untested configuration is not a tested one.
    """
    wanted = _wanted(names)
    digest = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    entry = cache_root() / "servers" / f"{names[0]}-{digest}"
    with claim(entry, ConsoleReporter(sys.__stderr__)) as folder:
        if folder is not None:
            _extract(wanted, folder)
    return Packages(entry)


def compiler() -> tuple[list[str], dict[str, str]]:
    """Return the command of the machine's C compiler, else of Debian's, and its environment."""
    if shutil.which("cc"):
        return ["cc"], dict(os.environ)
    found = packages("gcc", "libc6-dev")
    # It finds its own parts beside itself. Static, because libc.so names its parts by their installed paths.
    (start,) = found.root.glob("usr/lib/*/crt1.o")
    headers = found.root / "usr/include"
    command = [str(found.program("gcc")), "-static", f"-B{start.parent}", f"-L{start.parent}"]
    return [
        *command,
        "-isystem",
        str(headers),
        "-isystem",
        str(headers / start.parent.name),
    ], found.environment


def compile_c(source: Path, program: Path) -> None:
    """Compile a C program with the machine's compiler, else with Debian's."""
    command, environment = compiler()
    done = subprocess.run(
        [*command, "-o", str(program), str(source)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _wanted(names: tuple[str, ...]) -> list[str]:
    """Return ``name=version`` of what apt would install."""
    command = ["apt-get", "install", "-qq", "--print-uris", "-y", "--no-install-recommends", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 and os.getuid() == 0:  # no package lists yet, as in a fresh container
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"apt-get cannot find {' '.join(names)}; run: apt-get update\n{done.stderr}"
    files = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("'")]
    parts = [file.removesuffix(".deb").split("_") for file in files]
    return sorted(f"{name}={version.replace('%3a', ':')}" for name, version, _ in parts)


def _extract(wanted: list[str], folder: Path) -> None:
    (folder / "usr/lib").mkdir(parents=True)
    archives = folder / "archives"
    archives.mkdir(mode=0o777)
    archives.chmod(0o777)
    if wanted:
        subprocess.run(
            ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *wanted],
            cwd=archives,
            check=True,
            capture_output=True,
            timeout=600,
        )
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True, capture_output=True)
    shutil.rmtree(archives)
    for link in folder.glob("**/*"):
        if link.is_symlink() and (target := os.readlink(link)).startswith("/"):
            inside = folder / target.lstrip("/")
            if inside.exists():  # an absolute link means the package's own file, not the machine's
                link.unlink()
                link.symlink_to(os.path.relpath(inside, link.parent))
