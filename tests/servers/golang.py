"""Real programs built from published Go modules, each in a go.mod of its own, into the cache."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

from poscloud.local.build import environment
from poscloud.local.cache import claim
from poscloud.local.golang import ensure_go
from poscloud.local.paths import cache_root
from poscloud.local.progress import ConsoleReporter
from tests.servers.debian import compiler

HERE = Path(__file__).parent


def build(folder: str, package: str = ".", *, within: Path = HERE, c_tags: str = "", tags: str = "") -> Path:
    """Return the program built from ``<within>/<folder>``; fails where its modules cannot be had.

    Args:
        folder: Holds ``go.mod`` and ``go.sum``.
        package: What to build, by default the folder's own main package.
        within: Where the folder is.
        c_tags: Build tags that bring C code in, separated by commas; with any, a C compiler is used.
        tags: Build tags that need none.
    """
    source = within / folder
    digest = hashlib.sha256((package + c_tags + tags).encode())
    for file in sorted([*source.glob("go.*"), *source.glob("*.go")]):
        digest.update(file.read_bytes())
    entry = cache_root() / "servers" / f"{folder}-{digest.hexdigest()[:12]}"
    reporter = ConsoleReporter(sys.__stderr__)
    with claim(entry, reporter) as made:
        if made is not None:
            go = ensure_go(reporter, cache_root() / "servers" / "go.log")
            command = [str(go.program), "build", "-trimpath", "-mod=readonly", "-buildvcs=false"]
            variables = environment(go)
            if c_tags:
                words, around = compiler()
                variables |= around | {"CGO_ENABLED": "1", "CC": shlex.join(words)}
                command.append(f"-tags={c_tags}")
            if tags:
                command.append(f"-tags={tags}")
            with reporter.step(f"building {folder}"):
                done = subprocess.run(
                    [*command, "-o", str(made / folder), package],
                    cwd=source,
                    env=variables,
                    capture_output=True,
                    text=True,
                    timeout=1200,
                    check=False,
                )
            assert done.returncode == 0, done.stderr
    return entry / folder


def module_folder(folder: str, module: str, *, within: Path = HERE) -> Path:
    """Return where the files of a module are, in the version that a program is built from."""
    go = ensure_go(ConsoleReporter(sys.__stderr__), cache_root() / "servers" / "go.log")
    done = subprocess.run(
        [str(go.program), "mod", "download", "-json", module],
        cwd=within / folder,
        env=environment(go),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["Dir"])
