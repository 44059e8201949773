"""Building parts of the toolchain from their published Go modules."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local.cache import claim
from poscloud.local.golang import Go
from poscloud.local.parts import Build, Part
from poscloud.local.paths import cache_root
from poscloud.local.progress import Reporter
from poscloud.local.versions import sources


def location(build: Build) -> Path:
    """Where the built programs are, or will be."""
    return cache_root() / "toolchain" / build.key


def is_built(build: Build) -> bool:
    """Whether the programs are there; an entry of the cache is complete or absent."""
    return location(build).is_dir()


def folder_of(part: Part) -> Path:
    """The folder with all programs of a part that was built here."""
    if len(part.builds) == 1:
        return location(part.builds[0])
    digest = hashlib.sha256(" ".join(entry.key for entry in part.builds).encode()).hexdigest()[:12]
    return cache_root() / "toolchain" / f"{part.name}-{part.version}-all-{digest}"


def is_complete(part: Part) -> bool:
    """Whether nothing of the part is left to compile."""
    return folder_of(part).is_dir() or all(map(is_built, part.builds))


def assemble(part: Part, reporter: Reporter) -> None:
    """Bring the programs of several builds together in one folder.

    The engine takes a language host for its own, and does not warn about it, only where the two really lie side
    by side; links from elsewhere do not count. Hard links need no more room.
    """
    with claim(folder_of(part), reporter) as folder:
        if folder is None:
            return
        for entry in part.builds:
            for name in entry.programs:
                source = location(entry) / name
                try:
                    os.link(source, folder / name, follow_symlinks=False)
                except OSError:
                    # Not every file system has hard links.
                    shutil.copy2(source, folder / name, follow_symlinks=False)


def make(build: Build, go: Go, reporter: Reporter, log: Path) -> Path:
    """Build a program into the cache, unless it is there.

    Raises:
        DeployError: The modules cannot be had or do not compile.
    """
    entry = location(build)
    if entry.is_dir():
        return entry
    with reporter.step(f"building {build.name} {build.version}", log=log), claim(entry, reporter) as folder:
        if folder is not None:
            _compile(build, go, folder / build.name, reporter, log)
            _complete(build, go, folder)
            reporter.done(f"{(folder / build.name).stat().st_size // 1_000_000} MB")
    return entry


def environment(go: Go) -> dict[str, str]:
    """The user's environment with what must not differ; proxies and mirrors stay the user's."""
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    # These would make a program for another machine, or mix two Go installations.
    for name in ("GOOS", "GOARCH", "GOBIN", *(("GOROOT",) if go.way == "wheel" else ())):
        env.pop(name, None)
    return env


def _compile(build: Build, go: Go, target: Path, reporter: Reporter, log: Path) -> None:
    command = [
        str(go.program), "build", "-v", "-trimpath", "-mod=readonly", "-buildvcs=false",
        f"-ldflags={build.ldflags}", "-o", str(target), build.package,
    ]  # fmt: skip
    started = time.monotonic()
    last: list[str] = []
    compiled = downloaded = 0
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        output.write(f"# {build.name} {build.version}: {' '.join(command)}\n")
        process = subprocess.Popen(
            command, cwd=build.folder, env=environment(go), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        )  # fmt: skip
        try:
            assert process.stderr is not None
            for line in process.stderr:
                output.write(line)
                last = [*last[-7:], line.rstrip()]
                if line.startswith("go: downloading"):
                    downloaded += 1
                    reporter.update(f"{downloaded} modules downloaded")
                elif "/" in line and " " not in line.strip():
                    compiled += 1
                    about = f" of about {build.packages}" if build.packages else ""
                    reporter.update(f"{compiled}{about} packages compiled")
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        output.write(f"# ended with {code} after {time.monotonic() - started:.1f} s\n")
    if code != 0:
        words = "\n".join(f"    {line}" for line in last)
        raise DeployError(
            f"go build of {build.name} {build.version} failed:\n{words}", hint=f"the log: {log}"
        )


def _complete(build: Build, go: Go, folder: Path) -> None:
    """Add the links and the script that belong beside the program."""
    for link in build.links:
        (folder / link).symlink_to(build.name)
    if build.extra_script is None:
        return
    module_folder, module, file = build.extra_script
    path, _, version = module.partition("@")
    # The script is no Go package, so it is taken from the module's folder; the module is one that the engine
    # is built from, and its checksum is in that go.sum.
    command = [str(go.program), "mod", "download", "-json", f"{path}@{version}"]
    done = subprocess.run(
        command,
        cwd=sources() / module_folder,
        env=environment(go),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DeployError(f"module {module} cannot be had: {done.stderr.strip() or done.stdout.strip()}")
    target = folder / Path(file).name
    shutil.copyfile(Path(json.loads(done.stdout)["Dir"]) / file, target)
    target.chmod(0o755)


@contextmanager
def modules_ahead(builds: Sequence[Build], go: Go) -> Iterator[None]:
    """Download the modules of later builds while the first one compiles: one needs the network, one the processor."""
    pending = [build for build in builds[1:] if not is_built(build)]
    if not pending:
        yield
        return
    # One shell for all of them; folders and packages are its arguments, not part of the script.
    script = 'go=$1; shift; while [ $# -gt 0 ]; do (cd "$1" && exec "$go" list -mod=readonly -deps "$2"); shift 2; done'
    arguments = [text for build in pending for text in (str(build.folder), build.package)]
    process = subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", str(go.program), *arguments], env=environment(go),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        # Whatever it did not get, the build itself downloads, and reports if it cannot.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
