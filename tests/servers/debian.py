"""Real programs from Debian packages: a test of what cannot be had fails, and does not skip."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from poscloud.local.debian import Packages, packages

__all__ = ["Packages", "compile_c", "compiler", "packages"]


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
