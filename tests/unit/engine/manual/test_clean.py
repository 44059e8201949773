"""What clears a build's leftovers, run by a real shell."""

from __future__ import annotations

import subprocess
from pathlib import Path

from poscloud.engine.manual.clean import NO_BUILD, words


def build(folder: Path, ending: int = 0) -> Path:
    """Make a folder with a build that was cut short, and a gradlew that clears it."""
    folder.mkdir()
    (folder / "build").write_text("half")
    (folder / "gradlew").write_text(f'echo "$@" > asked; rm -r build; echo no JDK >&2; exit {ending}\n')
    return folder


def run(folder: Path, *given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(given, cwd=folder, capture_output=True, text=True, check=False)


def test_the_folder_that_is_named_is_cleared(tmp_path: Path) -> None:
    folder = build(tmp_path / "my api")
    assert run(tmp_path, *words("api", str(folder))).returncode == 0
    assert not (folder / "build").exists()
    assert (folder / "asked").read_text() == "--no-daemon --quiet clean\n"


def test_the_containers_own_folder_comes_first(tmp_path: Path) -> None:
    folder = build(tmp_path / "api")
    assert run(folder, *words("api", "")).returncode == 0
    assert not (folder / "build").exists()
    assert words("api", "")[4:] == (".", "/home/deploy", "/home/deploy/api")


def test_it_ends_as_the_build_ends_and_without_one_in_its_own_way(tmp_path: Path) -> None:
    failed = run(tmp_path, *words("api", str(build(tmp_path / "api", ending=7))))
    assert (failed.returncode, failed.stderr) == (7, "no JDK\n")
    assert run(tmp_path, *words("api", str(tmp_path / "none"))).returncode == NO_BUILD
