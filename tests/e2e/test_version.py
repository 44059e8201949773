"""The version comes from the tag: clones with real tags, archives and copies, built and installed for real."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.builder import python
from tests.workspace import ROOT

pytestmark = pytest.mark.e2e

SECTION = "# Changelog\n\n## Unreleased\n\n## 0.3.0 (2026-11-22)\n\n- The first.\n"


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
    return subprocess.check_output(command, cwd=folder, text=True, stderr=subprocess.STDOUT).strip()


def version(folder: Path) -> str:
    """Return the version that a build there would have; it is said without a warning."""
    command = [python(), "-m", "hatchling", "version"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def dist(clone: Path, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
    """Do what ``make dist`` does, once the builder is there."""
    command = [python(), "release/dist.py"]
    return subprocess.run(
        command, cwd=clone, capture_output=True, text=True, timeout=120, check=False, umask=umask
    )


def commit(clone: Path, changes: str = "", *, tag: str = "") -> str:
    """Commit ``changes`` as CHANGELOG.md, or nothing, and return the commit as versions show it."""
    if changes:
        (clone / "CHANGELOG.md").write_text(changes)
    git(clone, "commit", "-qam", "next", "--allow-empty")
    if tag:
        git(clone, "tag", "-a", tag, "-m", tag)
    return git(clone, "rev-parse", "HEAD")[:9]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of this checkout, as it is on the disk, without any tag."""
    folder = tmp_path / "clone"
    git(ROOT, "clone", "-q", "--no-tags", "--no-hardlinks", str(ROOT), str(folder))
    files = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in files:
        source, target = ROOT / name, folder / name
        if source.is_file() and (not target.exists() or target.read_bytes() != source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    git(folder, "add", "-A")
    commit(folder)
    return folder


def test_the_tag_is_the_version_and_later_commits_are_counted(clone: Path) -> None:
    assert re.fullmatch(rf"0\.0\.1\.dev\d+\+g{commit(clone)}", version(clone)), (
        "no tag: older than any release"
    )
    commit(clone, tag="v0.3.0")
    git(clone, "tag", "release-2026")
    assert version(clone) == "0.3.0"
    assert version(clone) == "0.3.0", "another tag at the same commit is no version"
    later = commit(clone)
    assert version(clone) == f"0.3.1.dev1+g{later}"
    (clone / "README.md").write_text("changed\n")
    assert re.fullmatch(rf"0\.3\.1\.dev1\+g{later}\.d\d{{8}}", version(clone))


def test_an_archive_knows_its_version_and_a_copy_says_that_it_does_not(clone: Path, tmp_path: Path) -> None:
    commit(clone, tag="v0.3.0")
    later = commit(clone)
    for reference, expected in (("v0.3.0", r"0\.3\.0"), ("HEAD", rf"0\.3\.1\.dev1\+g{later[:7]}\d*[a-f]*")):
        folder = tmp_path / reference
        git(clone, "archive", "-o", f"{folder}.tar", reference)
        with tarfile.open(f"{folder}.tar") as archive:
            archive.extractall(folder, filter="data")
        assert re.fullmatch(expected, version(folder))
    # Neither git nor an archive's mark; whoever installs it is not bothered with that.
    (clone / ".git").rename(tmp_path / "git")
    pip = [
        python(),
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path / "out",
        clone,
    ]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["poscloud-0.0.0-py3-none-any.whl"]


def test_a_tag_is_released_only_if_the_changelog_has_it_and_nothing_else_is_there(clone: Path) -> None:
    commit(clone, "# Changelog\n\n## Unreleased\n\n- x\n\n## 0.3.0\n\n## 0.2.0\n\n- y\n", tag="v0.3.0")
    refused = dist(clone)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[0] == (
        "error: the tag is v0.3.0, and CHANGELOG.md has no section ## 0.3.0 with anything in it"
    )
    git(clone, "tag", "-d", "v0.3.0")
    commit(clone, SECTION, tag="v0.3.0")
    (clone / "poscloud" / "notes.txt").write_text("mine\n")
    assert "the tag is v0.3.0, and these files are changed or new: poscloud/notes.txt\n" in dist(clone).stderr
    (clone / "poscloud" / "notes.txt").unlink()
    done = dist(clone)
    assert done.stdout == "dist/poscloud-0.3.0-py3-none-any.whl\ndist/poscloud-0.3.0.tar.gz\n", done.stderr


def test_of_a_tag_that_is_no_version_nothing_is_kept(clone: Path) -> None:
    commit(clone, SECTION.replace("0.3.0", "0.3.0-rc1"), tag="v0.3.0-rc1")
    refused = dist(clone)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the tag v0.3.0-rc1 is no version as Python writes it: poscloud-0.3.0rc1-py3" in refused.stderr
    assert list((clone / "dist").iterdir()) == []


def test_a_clone_without_history_is_told_where_the_tag_is(clone: Path, tmp_path: Path) -> None:
    commit(clone, SECTION, tag="v0.3.0")
    commit(clone)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{clone}", str(shallow))
    refused = dist(shallow)
    assert refused.returncode == 2 and "  run: git fetch --unshallow --tags" in refused.stderr
    git(shallow, "fetch", "-q", "--unshallow", "--tags")
    assert dist(shallow).returncode == 0


def test_the_same_commit_gives_the_same_bytes(clone: Path, tmp_path: Path) -> None:
    commit(clone, SECTION, tag="v0.3.0")
    other = tmp_path / "another place"
    git(tmp_path, "clone", "-q", str(clone), str(other))
    for file in other.rglob("*.py"):
        os.utime(file, (1, 1))
    subprocess.run(["chmod", "-R", "go-rwx", str(other)], check=True)
    assert (dist(clone).returncode, dist(other, umask=0o077).returncode) == (0, 0)
    made = [
        {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in (place / "dist").iterdir()}
        for place in (clone, other)
    ]
    assert made[0] == made[1] and len(made[0]) == 2
    time = int(git(clone, "log", "-1", "--format=%ct"))
    with tarfile.open(clone / "dist" / "poscloud-0.3.0.tar.gz") as archive:
        assert {member.mtime for member in archive} == {time}
        archive.extractall(tmp_path / "source", filter="data")
    # From the sdist alone, and later: the wheel is still the same one.
    command = [python(), "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "again"]
    subprocess.run(
        command, cwd=tmp_path / "source" / "poscloud-0.3.0", env={**os.environ, "SOURCE_DATE_EPOCH": str(time)},
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (again,) = (tmp_path / "again").iterdir()
    assert hashlib.sha256(again.read_bytes()).hexdigest() == made[0][again.name]
    with zipfile.ZipFile(again) as wheel:
        assert "Version: 0.3.0\n" in wheel.read("poscloud-0.3.0.dist-info/METADATA").decode()
