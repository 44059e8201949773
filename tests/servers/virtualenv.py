"""A virtual environment with real Python packages, in the cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from poscloud.local.cache import claim
from poscloud.local.paths import cache_root
from poscloud.local.progress import ConsoleReporter


def virtualenv(*requirements: str) -> Path:
    """Return a virtual environment with ``requirements`` installed; fails where they cannot be had."""
    key = " ".join([sys.version, *sorted(requirements)])
    entry = cache_root() / "servers" / f"python-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    with claim(entry, ConsoleReporter(sys.__stderr__)) as folder:
        if folder is not None:
            _install(folder, requirements)
            for script in (folder / "bin").iterdir():  # its first line names the folder it was made in
                if not script.is_symlink() and (content := script.read_bytes()).startswith(b"#!"):
                    script.write_bytes(content.replace(bytes(folder), bytes(entry)))
    return entry


def _install(folder: Path, requirements: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *requirements], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"pip cannot install {' '.join(requirements)}\n{done.stderr}"
