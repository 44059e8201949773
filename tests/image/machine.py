"""What stands in for a registry and a build service here: a base image made of packages, this machine's own mirrors."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from poscloud.local.cache import claim
from poscloud.local.paths import cache_root
from poscloud.local.progress import SilentReporter
from tests.servers.buildah import write_builder
from tests.servers.debian import packages

BASE = "localhost/python-on-debian"
RELEASE = "bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LENT_CERTIFICATES = "/etc/pki/tls/certs/machine.crt"
"""Where Go looks as well, and no package of Debian writes."""


def debian() -> Path:
    """Return the root file system of a small Debian with Python, which is what the slim images of Python are."""
    entry = cache_root() / "servers" / f"{RELEASE}-python"
    with claim(entry, SilentReporter()) as folder:
        if folder is not None:
            found = packages("debootstrap", "wget")
            script = (
                {"DEBOOTSTRAP_DIR": str(found.root / "usr/share/debootstrap")} if found.root.is_dir() else {}
            )
            command = [
                str(found.program("debootstrap")), "--variant=minbase",
                "--include=python3,python3-venv,ca-certificates", RELEASE, str(folder), _archive(),
            ]  # fmt: skip
            done = subprocess.run(
                command,
                env={**found.environment, **script},
                capture_output=True,
                text=True,
                timeout=500,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
            (folder / "usr/local/bin/python").symlink_to("/usr/bin/python3")
            shutil.rmtree(folder / "var/cache/apt/archives")
    return entry


def _archive() -> str:
    """Return the address that this machine's apt has Debian from."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)"]
    lines = subprocess.check_output(command, text=True).splitlines()
    return next(line.split()[0] for line in lines if line.endswith(f" {RELEASE}"))


@dataclass(frozen=True)
class Builder:
    """Builds and runs images without a daemon.

    Attributes:
        environment: That of buildah.
        mirrors: Options with which a build reaches what this machine's pip, Go and apt reach, and keeps what Go made.
    """

    environment: dict[str, str]
    mirrors: tuple[str, ...]

    def run(self, *command: str, timeout: int = 600) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def ok(self, *command: str, timeout: int = 600) -> str:
        done = self.run(*command, timeout=timeout)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout.strip()


def builder(folder: Path) -> Builder:
    """Return a builder that keeps its images in ``folder`` and has the base image."""
    made = Builder(write_builder(folder, "overlay"), _mirrors(folder))
    container = made.ok("buildah", "from", "scratch")
    made.ok("buildah", "add", "-q", container, str(debian()), "/")
    made.ok(
        "buildah",
        "config",
        "--env",
        "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        container,
    )
    made.ok("buildah", "commit", "-q", "--rm", container, BASE)
    return made


def _mirrors(folder: Path) -> tuple[str, ...]:
    """The machine's settings for pip, apt and Go, lent for the build; nothing of them gets into the image."""
    pip = {
        key.partition(".")[2]: value.strip("'")
        for key, _, value in (
            line.partition("=") for line in _said("python3", "-m", "pip", "config", "list").splitlines()
        )
        if key.startswith("global.")
    }
    if CERTIFICATES.is_file():
        pip["cert"] = LENT_CERTIFICATES
    (folder / "pip.conf").write_text(
        "[global]\n" + "".join(f"{key} = {value}\n" for key, value in pip.items())
    )
    lent = {folder / "pip.conf": "/etc/pip.conf:ro", Path("/etc/apt"): "/etc/apt:ro"}
    if CERTIFICATES.is_file():
        lent[CERTIFICATES] = f"{LENT_CERTIFICATES}:ro"
    for name, place in (("go-build", "/root/.cache/go-build"), ("go-mod", "/root/go/pkg/mod")):
        kept = cache_root() / "servers" / "image" / name
        kept.mkdir(parents=True, exist_ok=True)
        lent[kept] = place
    proxy = os.environ.get("GOPROXY") or (_said("go", "env", "GOPROXY") if shutil.which("go") else "")
    arguments = [f"BASE={BASE}", *([f"GOPROXY={proxy}"] if proxy else [])]
    volumes = [word for source, target in lent.items() for word in ("--volume", f"{source}:{target}")]
    return (*volumes, *(word for argument in arguments for word in ("--build-arg", argument)))


def _said(*command: str) -> str:
    return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).strip()
