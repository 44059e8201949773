"""Choosing and installing the toolchain: what is on PATH, else the official release, else built here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from poscloud.errors import DeployError, InputError, PosCloudError, Problem
from poscloud.local import build, found, golang, releases
from poscloud.local.locks import exclusive
from poscloud.local.parts import NODE_PROGRAMS, Part, parts
from poscloud.local.paths import ProjectPaths, private_directory, write_private
from poscloud.local.progress import Reporter
from poscloud.local.versions import sources

CHOICE = "POSCLOUD_TOOLCHAIN"
WAYS = ("path", "release", "build")


@dataclass(frozen=True)
class InstalledPart:
    """A part of the toolchain that can be used.

    Attributes:
        name: The part: ``pulumi``, ``kubernetes`` or ``kwok``.
        way: How it came: ``path``, ``release`` or ``build``.
        version: Its version.
        programs: Each of its programs, by name.
    """

    name: str
    way: str
    version: str
    programs: dict[str, Path]


@dataclass(frozen=True)
class Toolchain:
    """All parts, ready to be used.

    Attributes:
        path: Folders to put first on PATH, in this order.
        parts: What was chosen.
    """

    path: tuple[Path, ...]
    parts: tuple[InstalledPart, ...]

    def part(self, name: str) -> InstalledPart:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)


@dataclass(frozen=True)
class PartReport:
    """What there is of a part, without installing anything.

    Attributes:
        name: The part.
        wanted: The pinned version.
        installed: What the checkout uses; ``None`` when nothing was chosen yet or it is gone.
        available: ``path`` or ``cache`` when the next set-up needs neither network nor compiler for it.
        reason: Why nothing on PATH can be used; empty when it can.
    """

    name: str
    wanted: str
    installed: InstalledPart | None
    available: str
    reason: str


def choice() -> str:
    """The way the user forces; empty for the usual order.

    Raises:
        InputError: The variable holds something else.
    """
    chosen = os.environ.get(CHOICE, "").strip().lower()
    if chosen and chosen not in WAYS:
        message = f"{CHOICE} is {chosen!r}; expected one of {', '.join(WAYS)}, or nothing"
        raise InputError([Problem(None, 0, 0, "toolchain-choice", message)], hint=f"unset {CHOICE}")
    return chosen


def ensure_toolchain(paths: ProjectPaths, reporter: Reporter) -> Toolchain:
    """Make sure that every part is there, and that the checkout's ``bin`` leads to it.

    Args:
        paths: The checkout.
        reporter: Told what is being done.

    Raises:
        DeployError: A part can be had in none of the ways; says what was tried, and one command for each.
    """
    paths.prepare()
    remembered = _remembered(paths)
    if remembered is not None:
        return remembered
    with exclusive(paths.owned / "toolchain.lock", reporter, purpose="toolchain"):
        # Another process may have done it all while this one waited.
        remembered = _remembered(paths)
        if remembered is not None:
            return remembered
        installed = _Installer(paths, reporter).install(parts())
        _link(paths, installed)
        _remember(paths, installed)
    return _toolchain(paths, installed)


def inspect_toolchain(paths: ProjectPaths) -> tuple[PartReport, ...]:
    """Look at every part; installs and changes nothing."""
    remembered = _remembered(paths)
    reports = []
    for part in parts():
        looked = found.on_path(part)
        available = "path" if not looked.reason else "cache" if _in_cache(part) else ""
        installed = remembered.part(part.name) if remembered is not None else None
        reports.append(PartReport(part.name, part.version, installed, available, looked.reason))
    return tuple(reports)


def _in_cache(part: Part) -> bool:
    return releases.location(part).is_dir() or build.is_complete(part)


class _Installer:
    """One set-up: tries the ways in order and remembers why each failed."""

    def __init__(self, paths: ProjectPaths, reporter: Reporter) -> None:
        self._reporter = reporter
        self._log = paths.logs / "toolchain.log"
        self._choice = choice()
        self._failed: dict[str, dict[str, str]] = {}

    def install(self, wanted: Sequence[Part]) -> tuple[InstalledPart, ...]:
        done: dict[str, InstalledPart] = {}
        for part in wanted:
            ready = self._without_work(part)
            if ready is not None:
                done[part.name] = ready
        missing = [part for part in wanted if part.name not in done]
        if missing and self._allowed("release"):
            done |= self._download(missing)
            missing = [part for part in missing if part.name not in done]
        if missing and self._allowed("build"):
            done |= self._build(missing)
        missing = [part for part in missing if part.name not in done]
        if missing:
            raise self._nothing_worked(missing)
        for part in wanted:
            entry = done[part.name]
            where = {"path": "on PATH", "release": "official release", "build": "built here"}[entry.way]
            self._reporter.note(f"{part.name} {entry.version}: {where}")
        return tuple(done[part.name] for part in wanted)

    def _allowed(self, way: str) -> bool:
        return self._choice in ("", way)

    def _fail(self, part: Part, way: str, reason: str) -> None:
        self._failed.setdefault(part.name, {})[way] = reason

    def _without_work(self, part: Part) -> InstalledPart | None:
        """A part that needs neither network nor compiler."""
        if self._allowed("path"):
            looked = found.on_path(part)
            if not looked.reason:
                return InstalledPart(part.name, "path", looked.version, looked.programs)
            self._fail(part, "path", looked.reason)
        if self._allowed("release") and releases.location(part).is_dir():
            return _released(part)
        if self._allowed("build") and build.is_complete(part):
            build.assemble(part, self._reporter)
            return _built(part)
        return None

    def _download(self, missing: Sequence[Part]) -> dict[str, InstalledPart]:
        done = {}
        for name, reason in releases.unreachable(missing).items():
            self._fail(next(part for part in missing if part.name == name), "release", reason)
        for part in missing:
            if "release" in self._failed.get(part.name, {}):
                continue
            try:
                releases.install(part, self._reporter)
                done[part.name] = _released(part)
            except DeployError as error:
                self._fail(part, "release", error.message)
        return done

    def _build(self, missing: Sequence[Part]) -> dict[str, InstalledPart]:
        builds = [entry for part in missing for entry in part.builds if not build.is_built(entry)]
        done = {}
        try:
            go = golang.ensure_go(self._reporter, self._log)
        except PosCloudError as error:
            for part in missing:
                self._fail(part, "build", error.message)
            return {}
        self._reporter.plan(len(builds))
        # One after the other: each build uses all processors by itself, two at once only need twice the memory.
        with build.modules_ahead(builds, go):
            for part in missing:
                try:
                    for entry in part.builds:
                        build.make(entry, go, self._reporter, self._log)
                    build.assemble(part, self._reporter)
                    self._check(part)
                    done[part.name] = _built(part)
                except DeployError as error:
                    self._fail(part, "build", error.message)
        self._reporter.plan(0)
        return done

    def _check(self, part: Part) -> None:
        """A program that was just built must run and tell its version."""
        programs = _built(part).programs
        for probe in part.probes:
            version = found.version_of(programs[probe.program], probe.arguments)
            if version is None or not probe.accept(version):
                raise DeployError(
                    f"{programs[probe.program]} was built but tells version {version}, expected {probe.expected}"
                )

    def _nothing_worked(self, missing: Sequence[Part]) -> DeployError:
        lines = []
        for part in missing:
            lines.append(f"{part.name} {part.version} could be had in none of the ways tried:")
            for way, reason in self._failed.get(part.name, {}).items():
                lines.append(f"  {way}: {reason}")
                lines.append(f"    to make it work: {_remedy(part, way)}")
        return DeployError("\n".join(lines), hint=f"the log: {self._log}; then run this again")


def _remedy(part: Part, way: str) -> str:
    """One command that makes this way work for this part."""
    if way == "path":
        return f"put {', '.join(part.programs)} on PATH, then {CHOICE}=path poscloud toolchain install"
    if way == "release":
        urls = releases.downloads(part)
        return f"HTTPS_PROXY=http://PROXY:PORT {CHOICE}=release poscloud toolchain install" + (
            f" (it needs {urls[0].url})" if urls else ""
        )
    return f"GOPROXY=https://MIRROR {CHOICE}=build poscloud toolchain install"


def _released(part: Part) -> InstalledPart:
    folder = releases.location(part)
    return InstalledPart(part.name, "release", part.version, {name: folder / name for name in part.programs})


def _built(part: Part) -> InstalledPart:
    folder = build.folder_of(part)
    programs = {name: folder / name for entry in part.builds for name in entry.programs}
    return InstalledPart(part.name, "build", part.version, programs)


# ---- what was chosen for a checkout ------------------------------------------------------------------------


def _link(paths: ProjectPaths, installed: Sequence[InstalledPart]) -> None:
    """Make ``bin`` lead to exactly these programs."""
    private_directory(paths.bin)
    wanted = {name: target for part in installed for name, target in part.programs.items()}
    for name in NODE_PROGRAMS:
        if name not in wanted:
            (paths.bin / name).unlink(missing_ok=True)
    for name, target in wanted.items():
        temporary = paths.bin / f".{name}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        os.replace(temporary, paths.bin / name)


def _pins_digest() -> str:
    """Changes with the pinned versions, the Go modules, and the way that is forced."""
    seen = (sources() / "versions.toml").read_bytes() + choice().encode()
    return hashlib.sha256(seen + "".join(build.folder_of(p).name for p in parts()).encode()).hexdigest()


def _fingerprint(program: Path) -> list[int]:
    """Tells whether a program was replaced, without running it."""
    seen = program.stat()
    return [seen.st_size, int(seen.st_mtime)]


def _remember(paths: ProjectPaths, installed: Sequence[InstalledPart]) -> None:
    entries: list[dict[str, Any]] = []
    for part in installed:
        seen = {name: _fingerprint(path) for name, path in part.programs.items()}
        entries.append(
            {**asdict(part), "programs": {n: str(p) for n, p in part.programs.items()}, "seen": seen}
        )
    content = {"pins": _pins_digest(), "parts": entries}
    write_private(paths.owned / "toolchain.json", json.dumps(content, indent=2) + "\n")


def _remembered(paths: ProjectPaths) -> Toolchain | None:
    """What an earlier set-up chose, if it is all still there and the pins are the same."""
    try:
        content = json.loads((paths.owned / "toolchain.json").read_text())
        if content["pins"] != _pins_digest():
            return None
        installed = []
        for entry in content["parts"]:
            seen = entry.pop("seen")
            part = InstalledPart(**{**entry, "programs": {n: Path(p) for n, p in entry["programs"].items()}})
            for name, path in part.programs.items():
                if _fingerprint(path) != seen[name] or not (paths.bin / name).exists():
                    return None
            installed.append(part)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _toolchain(paths, tuple(installed))


def _toolchain(paths: ProjectPaths, installed: tuple[InstalledPart, ...]) -> Toolchain:
    return Toolchain((paths.venv / "bin", paths.bin), installed)
