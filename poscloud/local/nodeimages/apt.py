"""Debian packages for images: resolved and downloaded by apt in a folder of its own; nothing is installed here."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from poscloud.errors import DeployError
from poscloud.local.debian import inside
from poscloud.local.locks import exclusive
from poscloud.local.nodes import architecture
from poscloud.local.paths import cache_root
from poscloud.local.progress import Reporter

LISTS_SECONDS = 3600.0
"""How long package lists count as new; a mirror may remove what older ones name."""

TIMEOUT = 900
"""Seconds that apt-get may take."""

ASSUMED = (
    "adduser", "ca-certificates-java", "debconf", "debianutils", "dpkg", "gawk", "init-system-helpers",
    "iproute2", "java-common", "libc-bin", "liberror-perl", "libselinux1", "lsb-base", "mariadb-common", "mailcap",
    "passwd", "perl", "perl-base", "perl-modules-5.36", "libconfig-inifiles-perl", "procps", "psmisc",
    "sensible-utils", "sysvinit-utils", "tar", "ucf", "usrmerge", "util-linux", "xz-utils",
)  # fmt: skip
"""What packages ask for to be installed, configured or looked after, and no program in a container needs."""


@dataclass(frozen=True)
class Package:
    """A Debian package that was downloaded.

    Attributes:
        name: Its name.
        version: Its version, such as ``5:7.0.15-1~deb12u10``.
        archive: The ``.deb``.
    """

    name: str
    version: str
    archive: Path

    @property
    def upstream(self) -> str:
        """The version of the program in it: without Debian's epoch and revision."""
        return upstream(self.version)


def upstream(version: str) -> str:
    """Return the program's version in a Debian version: without epoch and revision."""
    plain = version.partition(":")[2] if ":" in version else version
    return plain.rpartition("-")[0] or plain  # Debian's own programs have no revision


FIX = "apt-get install -y dpkg apt"


def unavailable() -> str:
    """Return why packages cannot be had on this machine; empty when they can."""
    missing = [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]
    return f"no {' and no '.join(missing)} on PATH: images are made of Debian's packages" if missing else ""


def fetch(
    wanted: Mapping[str, str], below: Mapping[str, str], folder: Path, reporter: Reporter
) -> list[Package]:
    """Download packages and all they need.

    Args:
        wanted: Package → what its version has to begin with.
        below: Packages that are there already, in the layers below, with their versions.
        folder: Where the archives go.
        reporter: Told how far it is.

    Raises:
        DeployError: apt cannot have them, or has another version.
    """
    if reason := unavailable():
        raise DeployError(reason, hint="run this on Debian 12, or use simulated nodes: --nodes kwok")
    root = cache_root() / "images" / "apt"
    with exclusive(root / "lock", reporter, purpose="Debian packages"):
        updated = _update(root, reporter, older_than=LISTS_SECONDS)
        status = "".join(_installed(name, "9999:1") for name in ASSUMED)
        status += "".join(_installed(name, version) for name, version in below.items())
        (root / "status").write_text(status)
        reporter.update("Debian packages")
        (folder / "partial").mkdir(parents=True)
        install = ["install", "-y", "--no-install-recommends", "--download-only"]
        install += ["-o", f"Dir::Cache::archives={folder}/", *wanted]
        failed = _run(root, install)
        if failed and updated is None:  # a mirror may have newer ones than the lists say
            updated = _update(root, reporter)
            failed = _run(root, install)
        if failed:
            raise DeployError(
                f"Debian packages cannot be had: {', '.join(wanted)}\n{updated or ''}{failed.rstrip()}",
                hint="see whether this works: apt-get update",
            )
    # apt takes some that are there for changed, because our entries do not say all that its own do.
    archives = [_package(archive) for archive in sorted(folder.glob("*.deb"))]
    found = [package for package in archives if package.name not in below]
    for name, beginning in wanted.items():
        version = next((p.version for p in found if p.name == name), below.get(name, ""))
        if not version.startswith(beginning):
            raise DeployError(
                f"Debian package {name} is {version or 'not there'}, expected {beginning}…: its configuration may "
                "not fit",
                hint="use the sources of Debian 12 (bookworm), or use simulated nodes: --nodes kwok",
            )
    return found


def _package(archive: Path) -> Package:
    name, version, _ = unquote(archive.name.removesuffix(".deb")).split("_")
    return Package(name, version, archive)


def _installed(name: str, version: str) -> str:
    """An entry of dpkg's status: apt then takes the package for installed."""
    provides = "awk" if name == "gawk" else f"{name}-there"  # base-files asks for an awk, BusyBox has one
    return (
        f"Package: {name}\nStatus: install ok installed\nArchitecture: {architecture()}\nMulti-Arch: allowed\n"
        f"Version: {version}\nProvides: {provides}\nMaintainer: poscloud\nDescription: there, or not needed\n\n"
    )


def _update(root: Path, reporter: Reporter, older_than: float = 0) -> str | None:
    """Fetch the package lists, unless they are new, and return what failed; ``None`` if they are new.

    One of several sources may be away; whether it matters, shows when packages are fetched.
    """
    stamp = root / "updated"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < older_than:
        return None
    reporter.update("Debian's package lists")
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "status").touch()
    failed = _run(root, ["update"])
    if not failed:
        stamp.touch()
    return failed


def _run(root: Path, arguments: Sequence[str]) -> str:
    """Run apt-get in our folder, and return its last words if it fails."""
    options = {
        "Dir::State": root / "state",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "APT::Sandbox::User": "root",  # the archives' folder is only ours to enter
        "APT::Update::Error-Mode": "any",
        "Debug::NoLocking": "true",
    }
    settings = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    try:
        done = subprocess.run(
            ["apt-get", "-qq", *settings, *arguments],
            capture_output=True, text=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"    apt-get did not end within {TIMEOUT} s\n"
    if done.returncode == 0:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return "".join(f"    {line}\n" for line in lines[-5:]) or f"    apt-get ended with {done.returncode}\n"


def unpacked(packages: Iterable[Package], folder: Path) -> Path:
    """Extract packages into a folder that then stands for ``/``, and return it."""
    folder.mkdir()
    for name in ("bin", "sbin", "lib", "lib64"):  # as Debian installs: links, through which the archives go
        (folder / "usr" / name).mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(f"usr/{name}")
    for package in packages:
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", package.archive], stdout=subprocess.PIPE
        ) as process:
            done = subprocess.run(
                ["tar", "-x", "--keep-directory-symlink", "-C", folder], stdin=process.stdout, check=False
            )
        if done.returncode != 0 or process.returncode != 0:
            raise DeployError(f"{package.archive.name} cannot be unpacked")
    inside(folder)
    return folder


def own_loader(root: Path, program: str) -> list[str]:
    """Return the command that runs a program of an unpacked folder with that folder's own libraries."""
    loader = next(root.glob("usr/lib/*/ld-linux-*.so.*"))
    return [str(loader), "--library-path", str(loader.parent), str(root / program)]
