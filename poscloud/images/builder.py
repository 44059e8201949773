"""The program that builds and pushes: buildah or docker, as it is installed and logged in.

Credentials are the program's own (``buildah login``, ``docker login``): poscloud neither asks for them nor passes
them on.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import PosCloudError

BUILDERS = ("buildah", "docker")


@dataclass(frozen=True)
class Builder:
    """A program that builds images.

    Attributes:
        name: ``buildah`` or ``docker``.
        program: Where it is.
    """

    name: str
    program: Path

    def build(self, context: Path, reference: str, labels: Mapping[str, str], log: Path) -> bool:
        """Build the context's Dockerfile as ``reference``; whether it went well. ``log`` gets what it prints."""
        command = ["build", "--tag", reference, "--file", str(context / "Dockerfile")]
        command += [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
        if self.name == "buildah":
            command += ["--layers", *self._plain_http(reference)]
        return run([str(self.program), *command, str(context)], log)

    def push(self, reference: str, log: Path) -> bool:
        """Push an image to the registry in its name; whether it went well. ``log`` gets what it prints."""
        options = self._plain_http(reference) if self.name == "buildah" else []
        return run([str(self.program), "push", *options, reference], log)

    def _plain_http(self, reference: str) -> list[str]:
        """Return the option for a registry on this machine, which docker takes without TLS by itself."""
        host = reference.split("/", 1)[0].split(":")[0]
        return ["--tls-verify=false"] if host in ("127.0.0.1", "localhost") else []


def find_builder(name: str | None = None) -> Builder:
    """Return the builder of that name, or the first one installed.

    Raises:
        PosCloudError: There is none.
    """
    if name is not None and name not in BUILDERS:
        raise PosCloudError(f"'{name}' is no builder: {' or '.join(BUILDERS)}")
    for candidate in (name,) if name else BUILDERS:
        program = shutil.which(candidate)
        if program:
            return Builder(candidate, Path(program))
    raise PosCloudError(
        f"{name or ' and '.join(BUILDERS)} cannot be found, so that no image can be built here",
        hint="install one of them, or: poscloud image render --out DIR, and build DIR/NAME elsewhere",
    )


def run(command: list[str], log: Path, cwd: Path | None = None) -> bool:
    """Run a command with what it prints at the end of ``log``; whether it ended well."""
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=cwd,
                check=False,
            )
        except OSError as error:
            output.write(f"{command[0]}: {error.strerror}\n".encode())
            return False
    return done.returncode == 0
