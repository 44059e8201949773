"""Build wheel and sdist into dist; what a tag v… names has to be clean and to have its section in CHANGELOG.md.

``make dist`` runs this with a Python that has hatchling and hatch-vcs. The same commit gives the same bytes: the time
of everything in the archives is the commit's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
TAGS = ("--tags", "--match", "v[0-9]*")


class NotReadyError(Exception):
    """The release that was asked for cannot be made of these sources."""


def git(*words: str) -> str:
    """Return what git says; empty where it knows nothing or is not there."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.rstrip() if done.returncode == 0 else ""


def described(changes: str, version: str) -> bool:
    """Whether the text of CHANGELOG.md has a section for the version: ``## 0.3.0``, and a date after it or not."""
    section = re.compile(rf"^## \[?v?{re.escape(version)}\]?(?:\s.*)?$\n+(?!## )\S", re.MULTILINE)
    return section.search(changes) is not None


def check_sources() -> str:
    """Return the version that a tag at this commit asks for; empty where there is none.

    Raises:
        NotReadyError: What is tagged is not what would be built, or nobody wrote what it brings.
    """
    tag = git("describe", "--exact-match", *TAGS)
    if not tag:
        if git("rev-parse", "--is-shallow-repository") == "true" and not git("describe", *TAGS):
            raise NotReadyError(
                "this clone has no history, so the last tag cannot be seen",
                "git fetch --unshallow --tags   (in CI: GIT_DEPTH: 0, or fetch-depth: 0)",
            )
        return ""
    changed = git("status", "--porcelain").splitlines()
    if changed:
        files = ", ".join(line[3:] for line in changed[:5]) + (", …" if len(changed) > 5 else "")
        raise NotReadyError(
            f"the tag is {tag}, and these files are changed or new: {files}", "git stash --include-untracked"
        )
    version = tag.removeprefix("v")
    if not described((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version):
        raise NotReadyError(
            f"the tag is {tag}, and CHANGELOG.md has no section ## {version} with anything in it",
            f"git tag -d {tag}   then write the section, commit it, and tag that commit",
        )
    return version


def build() -> list[Path]:
    """Build both and return them; earlier ones are removed.

    Raises:
        NotReadyError: They cannot be built.
    """
    for old in [*DIST.glob("poscloud-*.whl"), *DIST.glob("poscloud-*.tar.gz")]:
        old.unlink()
    environment = dict(os.environ)
    if time := git("log", "-1", "--format=%ct"):
        environment["SOURCE_DATE_EPOCH"] = time
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(DIST)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise NotReadyError(f"they cannot be built: {last}", " ".join(command))
    return sorted([*DIST.glob("poscloud-*.whl"), *DIST.glob("poscloud-*.tar.gz")])


def main() -> int:
    """Check, build, and name what was built."""
    try:
        version = check_sources()
        made = build()
        names = [file.name for file in made]
        if version and names != [f"poscloud-{version}-py3-none-any.whl", f"poscloud-{version}.tar.gz"]:
            for file in made:
                file.unlink()  # or somebody publishes it
            raise NotReadyError(
                f"the tag v{version} is no version as Python writes it: {', '.join(names)} was built",
                f"git tag -d v{version}   and tag for example v0.3.0 or v0.3.0rc1",
            )
    except NotReadyError as error:
        message, hint = error.args
        print(f"error: {message}\n  run: {hint}", file=sys.stderr)
        return 2
    for file in made:
        print(file.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
