"""Programs from the npm registry, in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from poscloud.local.cache import claim
from poscloud.local.paths import cache_root
from poscloud.local.progress import ConsoleReporter
from tests.servers.debian import packages


def npm_program(package: str, program: str) -> list[str]:
    """Return the command of a program of ``package`` (``name@version``); fails where it cannot be had."""
    return [_node()[0], str((_modules(package, program) / ".bin" / program).resolve())]


def npm_file(package: str, file: str) -> Path:
    """Return a file of ``package`` (``name@version``); fails where it cannot be had."""
    name = package.rpartition("@")[0]
    return _modules(package, name) / name / file


def _modules(package: str, name: str) -> Path:
    _, npm, environment = _node()
    entry = cache_root() / "servers" / f"npm-{name}-{hashlib.sha256(package.encode()).hexdigest()[:12]}"
    with claim(entry, ConsoleReporter(sys.__stderr__)) as folder:
        if folder is not None:
            _install(npm, package, folder, environment)
    return entry / "node_modules"


def _node() -> tuple[str, str, dict[str, str]]:
    """Return node, npm and their environment: the machine's own, else Debian's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, npm, dict(os.environ)
    debian = packages("nodejs", "npm")
    return str(debian.program("node")), str(debian.program("npm")), debian.environment


def _install(npm: str, package: str, folder: Path, environment: dict[str, str]) -> None:
    # A script of a package would run anything; none of these needs one.
    command = [
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        package,
    ]
    quiet = environment | {"HOME": os.environ.get("HOME", "/"), "npm_config_update_notifier": "false"}
    done = subprocess.run(
        command, env=quiet, cwd=folder, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, f"npm cannot install {package}\n{done.stderr}"
