"""Java programs by Maven, into the cache; JDK and Maven from Debian where they are not installed."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from poscloud.local import maven
from poscloud.local.cache import claim
from poscloud.local.maven import java_home
from poscloud.local.paths import cache_root
from poscloud.local.progress import ConsoleReporter

HERE = Path(__file__).parent


def java() -> Path:
    """Return the program ``java``."""
    return java_home() / "bin" / "java"


def jars(pom: Path) -> Path:
    """Return the folder with the jars that ``pom`` names and all they need; fails where they cannot be had."""
    return maven.jars(pom, ConsoleReporter(sys.__stderr__))


def built(folder: str, *artifacts: str) -> list[Path]:
    """Return files that Maven makes of ``tests/servers/<folder>``; fails where its dependencies cannot be had.

    Args:
        folder: Holds ``pom.xml``.
        artifacts: Paths of the files in it, once it is built; their names must differ.
    """
    source = HERE / folder
    digest = hashlib.sha256()
    for file in sorted(f for f in source.rglob("*") if f.is_file() and "target" not in f.parts):
        digest.update(file.read_bytes())
    entry = cache_root() / "servers" / f"{folder}-{digest.hexdigest()[:12]}"
    reporter = ConsoleReporter(sys.__stderr__)
    with claim(entry, reporter) as made:
        if made is not None:
            work = made / "work"
            shutil.copytree(source, work, ignore=shutil.ignore_patterns("target"))
            with reporter.step(f"building {folder}"):
                maven.maven(["package"], work)
            for artifact in artifacts:
                shutil.move(work / artifact, made)
            shutil.rmtree(work)
    return [entry / Path(artifact).name for artifact in artifacts]
