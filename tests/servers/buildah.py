"""Images built without a daemon, by Debian's buildah."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.debian import packages

NAMES = ("buildah", "busybox-static", "patchelf")


def write_builder(folder: Path, driver: str = "vfs") -> dict[str, str]:
    """Return the environment in which buildah builds here: as root, without runc, its storage in ``folder``."""
    found = packages(*NAMES)
    libraries = found.environment["LD_LIBRARY_PATH"]
    (folder / "bin").mkdir()
    program = shutil.copy(found.program("buildah"), folder / "bin" / "buildah")
    # It starts itself again in the container's environment, where no LD_LIBRARY_PATH leads to its libraries.
    patchelf = [found.program("patchelf"), "--force-rpath", "--set-rpath", libraries, program]
    subprocess.run(patchelf, env=found.environment, check=True)
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "{driver}"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n'
    )
    (folder / ".config" / "containers").mkdir(parents=True)
    policy = {"default": [{"type": "insecureAcceptAnything"}]}
    (folder / ".config" / "containers" / "policy.json").write_text(json.dumps(policy))
    return {
        **os.environ,
        "HOME": str(folder),
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "BUILDAH_ISOLATION": "chroot",
    }
