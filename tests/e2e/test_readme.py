"""The commands of the README and of the first five minutes, run as they stand in a fresh clone."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.blocks import of_kind, one
from tests.pages.lines import logical
from tests.workspace import ROOT

pytestmark = pytest.mark.e2e

ELSEWHERE = {"make test"}
"""Commands of the README that are not run here: this test is part of `make test` itself."""


QUICKSTART = "docs/quickstart.md"
CHANGED = ("{kind: java, uses", "{kind: java, replicas: 2, uses")
"""The change of the page's third step, in its description."""


def commands(page: str = "README.md") -> list[str]:
    """Return the lines of a page's shell blocks, in order."""
    blocks = [block.text for block in of_kind("sh") if block.page == page]
    return [line for block in blocks for line in logical(block) if line not in ELSEWHERE]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of everything under version control as it is in the working tree, and nothing else."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = [name for name in listed.decode().split("\0") if name and (ROOT / name).exists()]
    subprocess.run(
        ["tar", "-C", str(folder), "-xf", "-"],
        input=subprocess.run(
            ["tar", "-C", str(ROOT), "-cf", "-", *names], capture_output=True, check=True
        ).stdout,
        check=True,
    )
    yield folder
    subprocess.run(["make", "clean"], cwd=folder, check=False, capture_output=True)


def run(clone: Path, lines: list[str]) -> tuple[dict[str, list[str]], str]:
    """Run lines in one shell, as a reader would have, and return what each printed each time, and their stderr."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "VIRTUAL_ENV"))}
    # Each says what it is, so that a failure names it.
    script = "set -e\n" + "\n".join(f"echo '>>> {line}'\n{line}" for line in lines)
    done = subprocess.run(
        ["sh", "-c", script], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    printed: dict[str, list[str]] = {}
    for line, output in re.findall(r">>> (.*)\n((?:(?!>>> ).*\n?)*)", done.stdout):
        printed.setdefault(line, []).append(output)
    return printed, done.stderr


def test_the_commands_of_the_readme_work_in_order(clone: Path) -> None:
    lines = commands()
    assert lines[0] == "make up"
    output, stderr = run(clone, lines)
    assert output["kubectl get pods -n wbyh-stage"][0].count("Running") == 25
    assert "92 unchanged" in output["pulumi up --yes -s wbyh-stage"][0]
    assert "nothing is left of wbyh-stage" in stderr
    assert not list(clone.glob("pulumi-*")), "nothing is left beside what is ignored"


@pytest.mark.long
def test_the_first_five_minutes(clone: Path) -> None:
    """The page as a whole: its description where its first line says, and its change before the second preview."""
    written = one(QUICKSTART, "# stacks/my-first.yaml").text
    lines = commands(QUICKSTART)
    (clone / "stacks" / "my-first.yaml").write_text(written)
    assert written.count(CHANGED[0]) == 1
    second = [number for number, line in enumerate(lines) if line == "poscloud preview -s my-first"][1]
    change = f'sed -i "s/{CHANGED[0]}/{CHANGED[1]}/" stacks/my-first.yaml'
    output, stderr = run(clone, [*lines[:second], change, *lines[second:]])
    assert "~ 1 to update" in output["poscloud preview -s my-first"][1]
    assert (clone / "report.html").is_file()
    assert "nothing is left of my-first" in stderr and "nothing is left of wbyh-stage" in stderr
    (clone / "stacks" / "my-first.yaml").unlink()
