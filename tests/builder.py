"""What builds wheels and sdists, in the versions that are locked."""

from __future__ import annotations

import re
from pathlib import Path

from tests.servers.virtualenv import virtualenv
from tests.workspace import ROOT

LOCKED = re.compile(r"^(?:hatchling|hatch-vcs|setuptools-scm|vcs-versioning)==\S+$", re.MULTILINE)


def python() -> Path:
    """Return a Python that has the builder and nothing else."""
    locked = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    return virtualenv(*LOCKED.findall(locked)) / "bin" / "python"
