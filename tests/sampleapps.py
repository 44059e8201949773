"""The sample applications of examples/apps, built: jars of two versions, and the repository of the C service."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from poscloud.local.cache import claim
from poscloud.local.paths import cache_root
from poscloud.local.progress import ConsoleReporter
from tests.workspace import ROOT

APPS = ROOT / "examples" / "apps"


def store_files() -> Path:
    """Return the folder that the store serves, as build.sh makes it; fails where it cannot be made."""
    digest = hashlib.sha256()
    for file in (
        APPS / "build.sh",
        *(f for a in ("*-java", "account-c") for f in sorted(APPS.glob(f"{a}/**/*"))),
    ):
        if file.is_file() and "target" not in file.relative_to(APPS).parts:
            digest.update(str(file.relative_to(APPS)).encode() + file.read_bytes())
    entry = cache_root() / "servers" / f"apps-{digest.hexdigest()[:12]}"
    reporter = ConsoleReporter(sys.__stderr__)
    with claim(entry, reporter) as made:
        if made is not None:
            with reporter.step("building the sample applications"):
                done = subprocess.run(
                    ["sh", str(APPS / "build.sh")],
                    env={**os.environ, "POSCLOUD_APPS_TARGET": str(made / "files")},
                    capture_output=True, text=True, timeout=600, check=False,
                )  # fmt: skip
                assert done.returncode == 0, done.stdout + done.stderr
    return entry / "files"
