"""Finding parts that are installed already, by running them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poscloud.local.parts import Part, Probe
from poscloud.local.paths import OWNED, cache_root
from poscloud.local.versions import Version, parse

PROBE_TIMEOUT = 10.0


@dataclass(frozen=True)
class Found:
    """What was found of a part on PATH.

    Attributes:
        programs: Every program that can be used; complete only when ``reason`` is empty.
        version: The part's version, as its first program tells it.
        reason: Why it cannot be used; empty when it can.
    """

    programs: dict[str, Path]
    version: str
    reason: str


def foreign_path() -> str:
    """PATH without what poscloud itself put there: its own links are not something "already installed"."""
    cache = str(cache_root())
    kept = []
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        ours = Path(folder).parts[-2:] == (OWNED, "bin") or folder.startswith(cache + os.sep)
        if folder and not ours:
            kept.append(folder)
    return os.pathsep.join(kept)


def version_of(program: Path, arguments: Sequence[str]) -> Version | None:
    """The version a program tells when it is run; ``None`` when it does not run or tells none."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.devnull,
                   "PULUMI_SKIP_UPDATE_CHECK": "true"}  # fmt: skip
    try:
        done = subprocess.run(
            [str(program), *arguments], capture_output=True, text=True, timeout=PROBE_TIMEOUT, check=False,
            stdin=subprocess.DEVNULL, env=environment, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse(done.stdout) if done.returncode == 0 else None


def on_path(part: Part, path: str | None = None) -> Found:
    """Look for a part on PATH.

    Args:
        part: What to look for.
        path: Where; the process's PATH without poscloud's own folders by default.
    """
    search = foreign_path() if path is None else path
    programs: dict[str, Path] = {}
    first = ""
    for probe in part.probes:
        located = shutil.which(probe.program, path=search)
        if located is None:
            return Found(programs, first, f"no {probe.program} on PATH")
        version = version_of(Path(located), probe.arguments)
        reason = _judge(probe, Path(located), version)
        if reason:
            return Found(programs, first, reason)
        programs[probe.program] = Path(located)
        first = first or ".".join(map(str, version or ()))
    for companion in part.companions:
        anchor = programs[part.probes[0].program]
        # Beside the program itself, or beside what a link on PATH points to.
        candidates = [anchor.parent / companion, anchor.resolve().parent / companion]
        beside = next((c for c in candidates if os.access(c, os.X_OK)), None)
        if beside is None:
            return Found(programs, first, f"{anchor} has no {companion} beside it")
        programs[companion] = beside
    return Found(programs, first, "")


def _judge(probe: Probe, program: Path, version: Version | None) -> str:
    if version is None:
        return f"{program} does not tell its version"
    if not probe.accept(version):
        return f"{program} is {'.'.join(map(str, version))}, needed is {probe.expected}"
    return ""
